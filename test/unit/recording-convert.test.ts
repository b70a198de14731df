import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { encodeBytes, encodeEvent, encodeHeader } from '../../server/evidence/asciicast.ts'
import { toAsciicastV2, toText } from '../../server/evidence/convert.ts'
import { PlainText } from '../../server/evidence/plain-text.ts'
import { ThreadLine } from '../../server/evidence/thread-line.ts'

const header = encodeHeader({
  sessionId: 's1',
  size: { cols: 80, rows: 24 },
  startedAt: new Date('2026-02-03T04:05:06.789Z'),
  title: 'local/web-1',
  command: '/bin/sh',
  facts: {},
})
const recording = (...lines: string[][]) => Readable.from([Buffer.from(header + lines.flat().join(''))])

describe('asciicast v2', () => {
  it('has absolute times and neither comments nor the exit', async () => {
    const source = recording(
      encodeEvent(500_000, 'o', 'a'),
      encodeBytes(250_000, 'o', Buffer.from([0xff])),
      encodeEvent(1, 'r', '100x30'),
      encodeEvent(1, 'm', 'here'),
      encodeEvent(9, 'x', '0'),
    )
    const [first = '', ...lines] = (await text(toAsciicastV2(source))).trimEnd().split('\n')
    const parsed = JSON.parse(first) as Record<string, unknown>
    assert.deepEqual(
      [parsed['version'], parsed['width'], parsed['height'], parsed['timestamp'], parsed['title']],
      [2, 80, 24, 1770091506, 'local/web-1'],
    )
    assert.deepEqual(lines, [
      '[0.500000, "o", "a"]',
      '[0.750000, "o", "\uFFFD"]',
      '[0.750001, "r", "100x30"]',
      '[0.750002, "m", "here"]',
    ])
  })

  it('passes on that its source broke', async () => {
    const source = new Readable({
      read() {
        this.destroy(new Error('disk gone'))
      },
    })
    await assert.rejects(text(toAsciicastV2(source)), /disk gone/)
  })
})

describe('text of a recording', () => {
  const plain = (...chunks: string[]) => {
    const converter = new PlainText()
    return chunks.map((chunk) => converter.add(chunk)).join('') + converter.end()
  }

  it('is what was printed, line by line', async () => {
    const source = recording(
      encodeEvent(0, 'o', '$ ls\r\nfi'),
      encodeEvent(0, 'i', 'typed'),
      encodeEvent(0, 'm', 'marker'),
      encodeEvent(0, 'o', 'le\r\n$ '),
    )
    assert.equal(await text(toText(source)), '$ ls\nfile\n$\n')
  })

  const cases: [string, string[], string][] = [
    ['colours', ['\u001b[01;34mdir\u001b[0m  \u001b[38:2::1:2:3mx\u001b[m\r\n'], 'dir  x\n'],
    ['sequences cut between chunks', ['a\u001b', '[3', '1mb\u001b]0;ti', 'tle\u001b', '\\c\n'], 'abc\n'],
    ['titles that end with BEL', ['\u001b]0;title\u0007$ \n'], '$\n'],
    ['links', ['\u001b]8;;http://a\u001b\\text\u001b]8;;\u001b\\\n'], 'text\n'],
    ['device control strings', ['\u001bP1$r0m\u001b\\a\u001b_secret\u001b\\b\u001b^x\u001b\\c\n'], 'abc\n'],
    ['character sets and single escapes', ['\u001b(Ba\u001b=b\u001b7c\u001bM\n'], 'abc\n'],
    ['8-bit controls', ['\u009b31ma\n'], 'a\n'],
    ['a cancelled sequence', ['\u001b[3\u0018a\n'], 'a\n'],
    ['controls inside a sequence', ['ab\u001b[\b1Kc\n'], 'ac\n'],
    ['corrected typing', ['ech\b \bcho\r\n'], 'eccho\n'],
    ['an erased rest of line', ['$ long command\r$ \u001b[Kls\r\n'], '$ ls\n'],
    ['progress bars', ['10%\r50%\r100%\r\n'], '100%\n'],
    ['moving within the line', ['abc\u001b[2Dx\u001b[5Gy\u001b[Cz\n'], 'axc y z\n'],
    ['tabs', ['a\tb\n'], 'a       b\n'],
    ['bells and nulls', ['a\u0007\u0000b\u007f\n'], 'ab\n'],
    ['a last line without its end', ['$ exit'], '$ exit\n'],
    ['nothing', [], ''],
  ]
  for (const [what, chunks, expected] of cases) {
    it(`handles ${what}`, () => assert.equal(plain(...chunks), expected))
  }

  it('holds no endless line in memory', () => {
    const converter = new PlainText()
    for (let count = 0; count < 10; count++) converter.add('x'.repeat(32 * 1024))
    assert.ok(converter.end().length <= 32 * 1024)
    converter.add('\u001b[999999999Cy\u001b[999999999Gz\t\n')
  })

  it('is in proportion to what was printed: nothing moves beyond the width of the terminal', async () => {
    const far = '\u001b[32767GX\u001b[32767C\tY\r\n'
    const before = encodeEvent(0, 'o', far)
    const after = encodeEvent(0, 'o', far.repeat(100))
    const lines = (await text(toText(recording(before, encodeEvent(0, 'r', '40x10'), after))))
      .trimEnd()
      .split('\n')
    assert.equal(lines.length, 101)
    assert.equal(lines[0]?.indexOf('X'), 79)
    assert.ok(lines.slice(1).every((line) => line.indexOf('X') === 39 && line.length <= 80))
  })

  it('comes for as many as ask, in turns', async () => {
    const sources = Array.from({ length: 8 }, (_, n) => recording(encodeEvent(0, 'o', `text ${n}\n`)))
    const texts = await Promise.all(sources.map((source) => text(toText(source))))
    assert.deepEqual(
      texts,
      sources.map((_, n) => `text ${n}\n`),
    )
  })

  it('ends with whoever reads it, and then leaves the place to others', async () => {
    const endless = new Readable({
      read() {
        this.push(encodeEvent(0, 'o', 'x'.repeat(1000)).join(''))
      },
    })
    endless.unshift(header)
    const readers = Array.from({ length: 4 }, () => toText(endless))
    await once(readers[0] ?? endless, 'readable')
    for (const reader of readers) reader.destroy()
    assert.equal(await text(toText(recording(encodeEvent(0, 'o', 'next\n')))), 'next\n')
    assert.equal(endless.destroyed, true)
  })

  const line = (threads: number) =>
    new ThreadLine({ threads, maxWaiting: 9, maxWaitingEach: 9, waitMs: 60_000, what: 'Read' })
  const long = () => {
    const lines = encodeEvent(0, 'o', `${'x'.repeat(1000)}\n`)
      .join('')
      .repeat(1000)
    return Readable.from([Buffer.from(header), ...Array.from({ length: 9 }, () => Buffer.from(lines))])
  }
  const short = () => recording(encodeEvent(0, 'o', 'next\n'))

  it('comes also while others don’t read what they asked for', async () => {
    const shared = line(2)
    const slow = ['ann', 'bob'].map((who) => toText(long(), { who, line: shared, patienceMs: 1 }))
    const cut = slow.map((reader) => once(reader, 'error'))
    for (const reader of slow) await once(reader, 'readable')
    assert.equal(await text(toText(short(), { who: 'cem', line: shared })), 'next\n')
    const [cause] = (await Promise.race(cut)) as [{ code: string }]
    assert.equal(cause.code, 'too_many_requests')
    for (const reader of slow) reader.destroy()
  })

  it('waits for a slow reader as long as nobody else waits', async () => {
    const shared = line(2)
    const reader = toText(long(), { who: 'ann', line: shared, patienceMs: 1 })
    await once(reader, 'readable')
    for (let n = 0; n < 5; n++) await text(toText(short(), { who: 'bob', line: shared }))
    assert.equal((await text(reader)).length, 9 * 1000 * 1001)
  })

  it('leaves its place in the line, and its source, when its reader goes away before its turn', async () => {
    const shared = line(1)
    const first = toText(long(), { who: 'ann', line: shared })
    await once(first, 'readable')
    const source = short()
    const waiting = toText(source, { who: 'bob', line: shared })
    waiting.resume()
    while (shared.waiting === 0) await nextTurn()
    waiting.destroy()
    assert.equal(shared.waiting, 0)
    assert.equal(source.destroyed, true)
    await once(waiting, 'close')
    first.destroy()
    assert.equal(await text(toText(short(), { who: 'cem', line: shared })), 'next\n')
  })
})
