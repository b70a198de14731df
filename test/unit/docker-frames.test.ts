import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import type { CommandOutput } from '../../server/core/streams.ts'
import { FrameReader } from '../../server/drivers/docker/frames.ts'

const frame = (stream: number, text: string) => {
  const header = Buffer.alloc(8)
  header[0] = stream
  header.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([header, Buffer.from(text)])
}

async function read(chunks: readonly Buffer[]): Promise<string> {
  const pieces: CommandOutput[] = await Readable.from(chunks).pipe(new FrameReader()).toArray()
  return pieces.map(({ stream, bytes }) => `${stream}:${Buffer.from(bytes).toString()}`).join(' ')
}

describe('the frames of a container without a tty', () => {
  const whole = Buffer.concat([frame(1, 'one'), frame(2, 'two'), frame(1, ''), frame(1, 'three')])

  it('are told apart', async () => {
    assert.equal(await read([whole]), 'stdout:one stderr:two stdout:three')
  })

  it('may be cut anywhere', async () => {
    for (let cut = 1; cut < whole.length; cut += 1) {
      const got = await read([whole.subarray(0, cut), whole.subarray(cut)])
      const joined = { stdout: '', stderr: '' }
      for (const piece of got.split(' ')) {
        const [stream = '', text = ''] = piece.split(':')
        joined[stream as 'stdout' | 'stderr'] += text
      }
      assert.deepEqual(joined, { stdout: 'onethree', stderr: 'two' }, `cut at ${cut}`)
    }
    assert.equal((await read([...whole].map((byte) => Buffer.of(byte)))).match(/stdout/g)?.length, 8)
  })

  it('give what came of one that breaks off', async () => {
    assert.equal(await read([whole.subarray(0, 10)]), 'stdout:on')
    assert.equal(await read([whole.subarray(0, 5)]), '')
  })
})
