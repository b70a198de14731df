/** The thread that draws screens, which ends at the word `crash` and stands still at the word `hang`. */
import { parentPort } from 'node:worker_threads'
import type { ScreenRequest } from '../../server/sessions/terminal/screen-worker.ts'

parentPort?.on('message', (message: ScreenRequest) => {
  if (message.type !== 'write') return
  const text = Buffer.from(message.bytes).toString()
  if (text.includes('crash')) throw new Error('This screen ends its thread.')
  while (text.includes('hang'));
})
await import('../../server/sessions/terminal/screen-worker.ts')
