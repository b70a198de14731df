/*
 * A process that records until it is killed: recorder-writer.ts <directory> <session> <write | seal>.
 * `write` says on its standard output, after each output() returned, how many bytes it had recorded by then.
 * `seal` is killed by itself between the storing of the blob and the removal of the live file.
 */
import { writeSync } from 'node:fs'
import { DirectoryRecordings } from '../../server/evidence/recordings.ts'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import { chunkAt, headerOf } from './recorder-session.ts'

class DeadlyBlobs extends DirectoryBlobs {
  override async put(...args: Parameters<DirectoryBlobs['put']>): Promise<never> {
    await super.put(...args)
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => undefined)
  }
}

const [directory = '', sessionId = '', task = ''] = process.argv.slice(2)
const recordings = new DirectoryRecordings({
  liveDir: `${directory}/live`,
  blobs: new DeadlyBlobs(`${directory}/blobs`),
})
const recorder = await recordings.start(headerOf(sessionId))
if (task === 'seal') {
  recorder.output(chunkAt(0))
  await recorder.finish({ reason: 'idle' })
}
for (let index = 0; ; index++) {
  recorder.output(chunkAt(index))
  writeSync(1, `${recorder.offset}\n`)
}
