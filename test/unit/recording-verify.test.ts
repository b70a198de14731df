import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { encodeBytes, encodeEvent, encodeHeader, type CastItem } from '../../server/evidence/asciicast.ts'
import { ThreadLine } from '../../server/evidence/thread-line.ts'
import { checkRecording, summarize, verifyRecording } from '../../server/evidence/verify.ts'

const lines = [
  encodeHeader({
    sessionId: 's1',
    size: { cols: 80, rows: 24 },
    startedAt: new Date(0),
    title: 't',
    command: 'sh',
    facts: {},
  }),
  encodeEvent(1, 'o', 'ab').join(''),
  encodeBytes(1, 'o', Buffer.from([0xff, 0xfe, 0xfd])).join(''),
  encodeEvent(1, 'x', '0').join(''),
]
const original = lines.join('')
const summary = {
  key: 'recordings/1970/01/s1.cast.gz',
  sha256: createHash('sha256').update(original).digest('hex'),
  bytes: Buffer.byteLength(original),
  outputBytes: 5,
  durationMs: 0,
}
const verify = (cast: string, sessionId = 's1') =>
  verifyRecording(Readable.from([Buffer.from(cast)]), sessionId, summary)

async function failuresOf(cast: string, sessionId = 's1') {
  const { whole, unaltered, checked } = await verify(cast, sessionId)
  return { whole, unaltered, failed: checked.filter((each) => !each.passed).map((each) => each.check) }
}

describe('verification of a recording', () => {
  it('passes what was sealed', async () => {
    assert.deepEqual(await failuresOf(original), { whole: true, unaltered: true, failed: [] })
  })

  it('sees a changed byte', async () => {
    const found = await failuresOf(original.replace('"ab"', '"aB"'))
    assert.deepEqual(found, { whole: true, unaltered: false, failed: ['sha256'] })
  })

  it('sees changed exact bytes', async () => {
    const found = await failuresOf(original.replace('# hatchway-bytes', '# hatchway-bites'))
    assert.deepEqual(found, { whole: true, unaltered: false, failed: ['sha256', 'output-bytes'] })
  })

  it('sees a missing end', async () => {
    const found = await failuresOf(lines.slice(0, 3).join(''))
    assert.deepEqual(found, { whole: false, unaltered: false, failed: ['exit', 'sha256', 'bytes'] })
  })

  it('sees a torn line', async () => {
    const { whole, failed } = await failuresOf(original.slice(0, -3))
    assert.equal(whole, false)
    assert.ok(failed.includes('lines'))
  })

  it('sees the recording of another session', async () => {
    const found = await failuresOf(original, 's2')
    assert.deepEqual(found, { whole: false, unaltered: true, failed: ['session'] })
  })

  it('sees an empty file', async () => {
    const { whole, unaltered } = await failuresOf('')
    assert.deepEqual({ whole, unaltered }, { whole: false, unaltered: false })
  })

  it('reports a source that cannot be read to its end', async () => {
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from(original)
        throw new Error('unexpected end of file')
      })(),
    )
    const { whole, checked } = await verifyRecording(broken, 's1', summary)
    assert.equal(whole, false)
    assert.equal(checked.find((each) => each.check === 'readable')?.detail, 'unexpected end of file')
  })

  it('checks a file without its row, and tells its hash', async () => {
    const { whole, checked } = await checkRecording(Readable.from([Buffer.from(original)]))
    assert.equal(whole, true)
    assert.equal(checked.find((each) => each.check === 'sha256')?.detail, summary.sha256)
    const cut = await checkRecording(Readable.from([Buffer.from(original.slice(0, -1))]))
    assert.equal(cut.whole, false)
  })

  it('leaves the event loop to others', async () => {
    const event = encodeEvent(1, 'o', 'x'.repeat(100)).join('')
    const long = Buffer.from(lines[0] + event.repeat(80_000) + lines[3])
    let turns = 0
    let isOver = false
    const turn = () => {
      turns++
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    const { whole } = await verifyRecording(Readable.from([long]), 's1', summary)
    isOver = true
    assert.equal(whole, true)
    assert.ok(turns > 100, `${turns} turns of the loop`)
  })

  it('ends with whoever asked for it, and is done once at a time for each person', async () => {
    const shared = { threads: 2, maxWaiting: 9, maxWaitingEach: 9, waitMs: 60_000, what: 'Read' }
    const line = new ThreadLine(shared)
    const away = new AbortController()
    const endless = () =>
      new Readable({
        read() {
          this.push(lines[1])
        },
      })
    const of = (who: string, source: Readable, signal = away.signal) =>
      verifyRecording(source, 's1', summary, { who, signal, line })
    const sources = [endless(), endless(), endless()]
    const asked = Promise.allSettled(sources.map((source) => of('ann', source)))
    assert.equal(line.waiting, 2)
    const { unaltered } = await of('bob', Readable.from([Buffer.from(original)]))
    assert.equal(unaltered, true)
    assert.equal(line.waiting, 2)
    away.abort()
    const codes = (await asked).map((each) => each.status === 'rejected' && each.reason.code)
    assert.deepEqual(codes, ['cancelled', 'cancelled', 'cancelled'])
    assert.deepEqual(
      sources.map(({ destroyed }) => destroyed),
      [true, true, true],
    )
    const next = await of('ann', Readable.from([Buffer.from(original)]), new AbortController().signal)
    assert.equal(next.unaltered, true)
  })

  it('is summed up in turns with others', async () => {
    let paced = 0
    const pace = async function* (items: AsyncIterable<CastItem>) {
      for await (const item of items) {
        paced++
        yield item
      }
    }
    const { key } = summary
    assert.deepEqual(await summarize(Readable.from([Buffer.from(original)]), 's1', key, pace), summary)
    assert.equal(paced, 5)
  })
})
