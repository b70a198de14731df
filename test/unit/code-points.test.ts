import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CodePointBoundary, unfinishedTail } from '../../server/sessions/terminal/code-points.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)

describe('unfinishedTail', () => {
  const cases: [string, number[], number][] = [
    ['nothing', [], 0],
    ['plain text', [0x61, 0x62], 0],
    ['a finished character', [...utf8('é')], 0],
    ['the lead of two bytes', [0x61, 0xc3], 1],
    ['two of three bytes', [0xe2, 0x82], 2],
    ['three of four bytes', [0xf0, 0x9f, 0x98], 3],
    ['a lone continuation byte', [0x80], 0],
    ['a byte that UTF-8 never has', [0xff], 0],
    ['an overlong lead', [0xc0], 0],
    ['the beginning of a surrogate', [0xed, 0xa0], 0],
    ['an overlong three-byte form', [0xe0, 0x80], 0],
    ['beyond U+10FFFF', [0xf4, 0x90], 0],
    ['four continuation bytes', [0x80, 0x80, 0x80, 0x80], 0],
  ]
  for (const [name, bytes, expected] of cases) {
    it(`${name}: ${expected}`, () => assert.equal(unfinishedTail(Uint8Array.from(bytes)), expected))
  }
})

describe('CodePointBoundary', () => {
  it('gives every byte once and in order, however the stream is cut', () => {
    const source = utf8('aé€😀z'.repeat(20))
    for (const step of [1, 2, 3, 5, 7]) {
      const boundary = new CodePointBoundary()
      const parts: Uint8Array[] = []
      for (let at = 0; at < source.length; at += step)
        parts.push(boundary.push(source.subarray(at, at + step)))
      parts.push(boundary.flush())
      assert.deepEqual(Buffer.concat(parts), Buffer.from(source))
      for (const part of parts)
        assert.doesNotThrow(() => new TextDecoder('utf-8', { fatal: true }).decode(part))
    }
  })

  it('does not hold back bytes that can never become a character', () => {
    const boundary = new CodePointBoundary()
    assert.deepEqual([...boundary.push(Uint8Array.from([0x61, 0xff, 0xfe]))], [0x61, 0xff, 0xfe])
    assert.equal(boundary.holding, false)
  })
})
