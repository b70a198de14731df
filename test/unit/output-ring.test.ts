import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OutputRing } from '../../server/sessions/terminal/output-ring.ts'

const bytesOf = (views: Uint8Array[] | undefined) => (views === undefined ? undefined : Buffer.concat(views))
const pattern = (length: number, from = 0) =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (from + i) % 251))

describe('OutputRing', () => {
  it('gives back what is held from any offset, and says when it is not held', () => {
    const ring = new OutputRing(256 * 1024, 0, () => undefined)
    const all = pattern(600 * 1024)
    for (let at = 0; at < all.length; at += 7777) ring.append(all.subarray(at, at + 7777))
    assert.equal(ring.end, all.length)
    assert.ok(ring.end - ring.start >= 256 * 1024)
    for (const offset of [ring.start, ring.start + 1, ring.end - 70_000, ring.end - 1, ring.end]) {
      assert.deepEqual(bytesOf(ring.from(offset)), all.subarray(offset))
    }
    assert.equal(ring.from(ring.start - 1), undefined)
    assert.equal(ring.from(ring.end + 1), undefined)
  })

  it('hands every byte that leaves to onEvict, in order', () => {
    const gone: Uint8Array[] = []
    const ring = new OutputRing(10_000, 0, (bytes) => gone.push(bytes))
    const all = pattern(300_000)
    for (let at = 0; at < all.length; at += 999) ring.append(all.subarray(at, at + 999))
    assert.deepEqual(Buffer.concat([...gone, ...(ring.from(ring.start) ?? [])]), all)
  })

  it('keeps views valid while more is appended and evicted', () => {
    const ring = new OutputRing(4096, 0, () => undefined)
    ring.append(pattern(3000))
    const view = bytesOf(ring.from(0))
    const raw = ring.from(0)
    for (let i = 0; i < 50; i++) ring.append(Buffer.alloc(1000, 0xee))
    assert.deepEqual(bytesOf(raw), view)
  })

  it('starts at any offset', () => {
    const ring = new OutputRing(4096, 1_000_000, () => undefined)
    ring.append(Buffer.from('after the restart'))
    assert.equal(ring.from(999_999), undefined)
    assert.equal(bytesOf(ring.from(1_000_000))?.toString(), 'after the restart')
  })
})
