import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { flow } from '../../server/protocol/terminal.ts'
import { OutputLedger } from '../../web/terminal/output-ledger.ts'

const bytes = (count: number) => new Uint8Array(count)
const shapes = (ledger: OutputLedger, frame: Uint8Array) =>
  ledger.take(frame).map(({ bytes, answer, end, catchesUp }) => [bytes.length, answer, end, catchesUp])

describe('output ledger', () => {
  it('has no resume offset before the first greeting', () => {
    assert.equal(new OutputLedger().resumeOffset, undefined)
  })

  it('cuts a frame where live output begins, and answers queries only from there on', () => {
    const ledger = new OutputLedger()
    ledger.hello(0, 10)
    assert.deepEqual(shapes(ledger, bytes(4)), [[4, false, 4, false]])
    assert.deepEqual(shapes(ledger, bytes(10)), [
      [6, false, 10, true],
      [4, true, 14, false],
    ])
  })

  it('does not count a snapshot, and goes on from the offset behind it', () => {
    const ledger = new OutputLedger()
    ledger.hello(5_000_000, 5_000_000)
    ledger.reset(5_000_000, 100)
    assert.deepEqual(shapes(ledger, bytes(60)), [[60, false, undefined, false]])
    assert.equal(ledger.resumeOffset, undefined, 'half a snapshot is no screen to go on from')
    assert.deepEqual(shapes(ledger, bytes(45)), [
      [40, false, undefined, true],
      [5, true, 5_000_005, false],
    ])
    assert.equal(ledger.resumeOffset, 5_000_005)
  })

  it('starts afresh when the line is cut between the greeting and the reset that it announced', () => {
    const ledger = new OutputLedger()
    ledger.hello(5_000_000, 5_000_000)
    assert.equal(ledger.resumeOffset, undefined)
  })

  it('keeps the screen when the server goes on where it was asked to, and clears it otherwise', () => {
    const ledger = new OutputLedger()
    assert.equal(ledger.hello(0, 0), true)
    ledger.take(bytes(10))
    assert.equal(ledger.hello(10, 10), false)
    assert.equal(ledger.hello(900, 900), true)
  })

  it('asks to acknowledge once per step of drawn bytes', () => {
    const ledger = new OutputLedger()
    ledger.hello(0, 0)
    const acknowledged = []
    for (let count = 0; count < 8; count++) {
      for (const part of ledger.take(bytes(flow.ackStep / 4))) acknowledged.push(ledger.done(part))
    }
    assert.deepEqual(
      acknowledged.filter((offset) => offset !== undefined),
      [flow.ackStep, 2 * flow.ackStep],
    )
  })

  it('ignores the late drawing of what a reset has cut off', () => {
    const ledger = new OutputLedger()
    ledger.hello(0, 0)
    const late = ledger.take(bytes(flow.ackStep))
    ledger.reset(1_000_000, 0)
    assert.deepEqual(
      late.map((part) => ledger.done(part)),
      [undefined],
    )
    assert.equal(ledger.processed, 1_000_000)
  })
})
