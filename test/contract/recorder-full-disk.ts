/*
 * Records until the disk is full and checks what must hold then: recorder-full-disk.ts <directory> [ballast].
 * With a ballast file it frees that and goes on to seal the recording. Exits with 0 when all of it held.
 */
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { HatchwayError } from '../../server/core/errors.ts'
import { DirectoryRecordings } from '../../server/evidence/recordings.ts'
import { verifyRecording } from '../../server/evidence/verify.ts'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import { outputOf } from '../support/recordings.ts'
import { chunkAt, headerOf } from './recorder-session.ts'

const [directory = '', ballast] = process.argv.slice(2)
const recordings = new DirectoryRecordings({
  liveDir: `${directory}/live`,
  blobs: new DirectoryBlobs(`${directory}/blobs`),
})
const recorder = await recordings.start(headerOf('full'))
const recorded: Buffer[] = []
const isRecordingFailed = (cause: unknown) =>
  cause instanceof HatchwayError && cause.code === 'recording_failed'

assert.throws(() => {
  for (let index = 0; index < 10_000; index++) {
    recorder.output(chunkAt(index))
    recorded.push(chunkAt(index))
  }
}, isRecordingFailed)
assert.throws(() => recorder.output(Buffer.from('.')), isRecordingFailed)
const expected = Buffer.concat(recorded)
assert.equal(recorder.offset, expected.length)

const live = readFileSync(`${directory}/live/full.cast`, 'utf8')
assert.ok(live.endsWith('\n'), 'the torn line was cut')
assert.deepEqual(outputOf(live), expected)

if (ballast !== undefined) {
  await assert.rejects(recorder.finish({ reason: 'recording-failed' }), isRecordingFailed)
  rmSync(ballast)
  const summary = await recorder.finish({ reason: 'recording-failed' })
  assert.equal(summary.outputBytes, expected.length)
  const { whole, unaltered } = await verifyRecording(await recordings.read('full', summary), 'full', summary)
  assert.deepEqual({ whole, unaltered }, { whole: true, unaltered: true })
}
