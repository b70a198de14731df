import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { Readable } from 'node:stream'
import {
  bytesOf,
  encodeBytes,
  encodeEvent,
  encodeHeader,
  parseSize,
  readCast,
  startOf,
  type CastItem,
} from '../../server/evidence/asciicast.ts'

const header = encodeHeader({
  sessionId: 's1',
  size: { cols: 80, rows: 24 },
  startedAt: new Date('2026-02-03T04:05:06.789Z'),
  title: 'local/web-1',
  command: '/bin/sh',
  facts: { session: 'forged', user: 'ada' },
})

/** Reads the text in pieces of the given size. */
async function read(text: string | Buffer, piece = 7): Promise<CastItem[]> {
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, index) =>
    bytes.subarray(index * piece, (index + 1) * piece),
  )
  return Readable.from(readCast(Readable.from(pieces, { objectMode: true }))).toArray()
}

describe('asciicast', () => {
  it('is one JSON array per line, with microseconds', () => {
    assert.equal(
      encodeEvent(1_500_000, 'o', 'a"\u001b\n').join(''),
      String.raw`[1.500000, "o", "a\"\u001b\n"]` + '\n',
    )
    assert.equal(encodeEvent(1, 'r', '80x24').join(''), '[0.000001, "r", "80x24"]\n')
  })

  it('adds a comment only to bytes that are no text', () => {
    assert.equal(encodeBytes(0, 'o', Buffer.from('ü')).join(''), '[0.000000, "o", "ü"]\n')
    assert.equal(
      encodeBytes(0, 'o', Buffer.from([0x41, 0xff])).join(''),
      '# hatchway-bytes Qf8=\n[0.000000, "o", "A\uFFFD"]\n',
    )
  })

  it('gives every byte back, whatever they are and however the file is cut', async () => {
    const chunks = [
      randomBytes(300),
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      Buffer.from(Array.from({ length: 128 }, (_, byte) => byte)),
      Buffer.from('🦔 \u2028\u2029\uFEFF\uFFFD\r\n'),
      Buffer.from('🦔').subarray(0, 2),
    ]
    const text = header + chunks.map((chunk) => encodeBytes(10, 'o', chunk).join('')).join('')
    for (const piece of [1, 13, 1_000_000]) {
      const items = await read(text, piece)
      const events = items.filter((item) => item.type === 'event')
      assert.deepEqual(events.map(bytesOf), chunks)
      assert.equal(items.at(-1)?.end, Buffer.byteLength(text))
    }
  })

  it('does not give exact bytes to the wrong event', async () => {
    const lines = [...encodeBytes(0, 'i', Buffer.from([0xff])), ...encodeEvent(0, 'o', 'b')]
    const events = (await read(header + lines.join(''))).filter((item) => item.type === 'event')
    assert.deepEqual(events.map(bytesOf), [Buffer.from([0xff]), Buffer.from('b')])
  })

  it('does not let facts pose as another session', async () => {
    const [first] = await read(header)
    assert.ok(first?.type === 'header')
    assert.equal(first.header.hatchway['session'], 's1')
    assert.equal(first.header.hatchway['user'], 'ada')
    assert.equal(startOf(first.header), Date.parse('2026-02-03T04:05:06.789Z'))
  })

  it('names what it cannot read and goes on', async () => {
    const text = `${header}# note\n{"a":1}\n[1]\n["1","o","a"]\nnonsense\n\n[0.5, "o", "b"]\n[0.5, "o", "c`
    const types = (await read(text)).map((item) => item.type)
    const malformed = Array.from({ length: 5 }, () => 'malformed')
    assert.deepEqual(types, ['header', 'comment', ...malformed, 'event', 'malformed'])
  })

  it('accepts nothing but a version 3 header in the first line', async () => {
    for (const first of ['{}', '[]', 'null', '{"version":2,"width":80,"height":24}', '# comment', '']) {
      const [item] = await read(`${first}\n`)
      assert.equal(item?.type, 'malformed', first)
    }
    assert.deepEqual(await read(''), [])
  })

  it('reads sizes', () => {
    assert.deepEqual(parseSize('120x40'), { cols: 120, rows: 40 })
    for (const text of ['', '120', '120x', 'x40', '120x40x1', '-1x4', '99999x1']) {
      assert.equal(parseSize(text), undefined)
    }
  })
})
