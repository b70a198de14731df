import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fullReference } from '../../server/drivers/docker/pull.ts'
import { PullProgress, readJsonLines, type PullLine } from '../../server/drivers/docker/pull-progress.ts'

describe('pull progress', () => {
  it('sums the layers, and counts one as whole when the engine says so', () => {
    const progress = new PullProgress()
    progress.add({ status: 'Pulling from tools', id: 'latest' })
    progress.add({ status: 'Downloading', id: 'a', progressDetail: { current: 10, total: 100 } })
    progress.add({ status: 'Downloading', id: 'b', progressDetail: { current: 5, total: 50 } })
    assert.deepEqual([progress.currentBytes, progress.totalBytes], [15, 150])
    progress.add({ status: 'Download complete', id: 'a', progressDetail: {} })
    progress.add({ status: 'Extracting', id: 'a', progressDetail: { current: 1, total: 100 } })
    progress.add({ status: 'Already exists', id: 'c', progressDetail: {} })
    assert.deepEqual([progress.currentBytes, progress.totalBytes], [105, 150])
    assert.equal(progress.status, 'Already exists')
  })

  it('throws a failure that comes within the stream, in its own words', () => {
    const progress = new PullProgress()
    assert.throws(
      () => progress.add({ error: 'short', errorDetail: { message: 'manifest unknown' } }),
      /^Error: manifest unknown$/,
    )
    assert.throws(() => progress.add({ error: 'no space left' }), /no space left/)
  })

  it('reads messages however they were cut, also within a character', async () => {
    const bytes = Buffer.from('{"status":"é"}\r\n{"status":"b"}\n{"error":"c"}')
    for (let size = 1; size <= bytes.length; size += 1) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      )
      const lines: PullLine[] = []
      for await (const line of readJsonLines(given(chunks))) lines.push(line)
      assert.deepEqual(lines, [{ status: 'é' }, { status: 'b' }, { error: 'c' }])
    }
  })

  it('never asks for all tags of an image', () => {
    assert.equal(fullReference('busybox'), 'busybox:latest')
    assert.equal(fullReference('host:5000/a/b'), 'host:5000/a/b:latest')
    assert.equal(fullReference('host:5000/a/b:1'), 'host:5000/a/b:1')
    assert.equal(fullReference('a@sha256:00'), 'a@sha256:00')
  })
})

async function* given(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk)
}
