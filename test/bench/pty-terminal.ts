import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { LaneTerminal } from './lane.ts'

/**
 * A command in a pty, which util-linux' `script` provides, from its start to its prompt. `isPrompt` is asked about everything
 * that it has shown so far. Throws when it ends before.
 */
export async function openInPty(
  command: string,
  isPrompt: (shown: string) => boolean,
): Promise<LaneTerminal> {
  const started = performance.now()
  const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const prompted = Promise.withResolvers<number>()
  let shown = ''
  let listener: ((bytes: Buffer) => void) | undefined
  child.stdout.on('data', (bytes: Buffer) => {
    if (listener !== undefined) return listener(bytes)
    shown += bytes.toString('latin1')
    if (isPrompt(shown)) prompted.resolve(performance.now())
  })
  child.on('exit', (code) => prompted.reject(new Error(`${command} ended with ${code}: ${shown}`)))
  const promptMs = (await prompted.promise) - started
  return {
    promptMs,
    write: (bytes) => child.stdin.write(bytes),
    onData: (next) => (listener = next),
    async close() {
      const exited = once(child, 'exit')
      child.stdin.write('\u0003exit\n')
      await exited
    },
  }
}
