import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import type { Blobs } from '../../server/core/blobs.ts'

export interface BlobsGround {
  blobs: Blobs
  /** Everything that is stored, also what is not whole. */
  list(): Promise<string[]>
  remove(): Promise<void>
}

const failsWith = (code: string) => (cause: unknown) => cause instanceof HatchwayError && cause.code === code

/** What every implementation of `Blobs` promises. */
export function blobsContract(name: string, start: () => Promise<BlobsGround>): void {
  describe(`blobs: ${name}`, () => {
    let ground: BlobsGround
    let blobs: Blobs
    beforeEach(async () => {
      ground = await start()
      blobs = ground.blobs
    })
    afterEach(() => ground.remove())

    it('gives back what was put', async () => {
      const body = randomBytes(1_000_000)
      assert.deepEqual(await blobs.put('a/b-c.d', Readable.from([body.subarray(0, 7), body.subarray(7)])), {
        bytes: body.length,
      })
      assert.deepEqual(await buffer(await blobs.get('a/b-c.d')), body)
    })

    it('takes an empty body', async () => {
      assert.deepEqual(await blobs.put('empty', Readable.from([])), { bytes: 0 })
      assert.equal((await buffer(await blobs.get('empty'))).length, 0)
    })

    it('replaces as a whole', async () => {
      await blobs.put('a/b', Readable.from([Buffer.from('first, longer')]))
      await blobs.put('a/b', Readable.from([Buffer.from('second')]))
      assert.equal((await buffer(await blobs.get('a/b'))).toString(), 'second')
      assert.deepEqual(await ground.list(), ['a/b'])
    })

    it('keeps what was there when a put breaks off, and leaves nothing half', async () => {
      await blobs.put('a/b', Readable.from([Buffer.from('kept')]))
      for (const key of ['a/b', 'a/new']) {
        const broken = Readable.from(
          (async function* () {
            yield Buffer.from('half')
            throw new Error('source gone')
          })(),
        )
        await assert.rejects(blobs.put(key, broken), failsWith('store_unavailable'))
      }
      assert.equal((await buffer(await blobs.get('a/b'))).toString(), 'kept')
      assert.deepEqual(await ground.list(), ['a/b'])
    })

    it('lets several puts of the same key end with one of them', async () => {
      const bodies = ['one', 'two', 'three']
      await Promise.all(bodies.map((body) => blobs.put('k', Readable.from([Buffer.from(body)]))))
      assert.ok(bodies.includes((await buffer(await blobs.get('k'))).toString()))
      assert.deepEqual(await ground.list(), ['k'])
    })

    it('deletes, also what is not there', async () => {
      await blobs.put('a/b', Readable.from([Buffer.from('x')]))
      await blobs.delete('a/b')
      await blobs.delete('a/b')
      await blobs.delete('never/was')
      await assert.rejects(blobs.get('a/b'), failsWith('recording_not_found'))
    })

    it('says so when there is no such blob', async () => {
      await assert.rejects(blobs.get('a/b'), failsWith('recording_not_found'))
    })

    it('refuses keys that are not keys', async () => {
      const bad = [
        '',
        '/etc/passwd',
        '../x',
        'a/../../x',
        'a/./b',
        'a//b',
        'a/',
        '.hidden',
        'a\0b',
        'a\\b',
        'ü',
      ]
      for (const key of [...bad, 'x'.repeat(129), 'a/'.repeat(20) + 'a']) {
        const body = Readable.from([Buffer.from('x')])
        await assert.rejects(blobs.put(key, body), failsWith('invalid_request'), key)
        assert.ok(body.destroyed, 'the body is let go of')
        await assert.rejects(blobs.get(key), failsWith('invalid_request'), key)
        await assert.rejects(blobs.delete(key), failsWith('invalid_request'), key)
      }
      assert.deepEqual(await ground.list(), [])
    })

    it('is ready', async () => {
      await blobs.check()
    })
  })
}
