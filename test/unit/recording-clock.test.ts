import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RecordingClock } from '../../server/evidence/recording-clock.ts'

function clockAt(start: { now: number; monotonic: number }) {
  const time = { ...start }
  return { time, clock: { now: () => time.now, monotonic: () => time.monotonic } }
}

describe('the time axis of a recording', () => {
  it('does not add up rounding errors', () => {
    const { time, clock } = clockAt({ now: 0, monotonic: 17.3 })
    const axis = new RecordingClock(clock, 0)
    let sum = 0
    for (let step = 1; step <= 100_000; step++) {
      time.monotonic = 17.3 + step * 0.000_4
      sum += axis.nextInterval()
    }
    // 100,000 steps of 0.4 microseconds, each of which alone rounds to nothing.
    assert.equal(sum, 40_000)
    assert.equal(axis.lastUs, 40_000)
  })

  it('never goes back', () => {
    const { time, clock } = clockAt({ now: 0, monotonic: 100 })
    const axis = new RecordingClock(clock, 0)
    time.monotonic = 200
    assert.equal(axis.nextInterval(), 100_000)
    time.monotonic = 150
    assert.equal(axis.nextInterval(), 0)
    time.monotonic = 201
    assert.equal(axis.nextInterval(), 1000)
  })

  it('is not moved by the wall clock while one process writes', () => {
    const { time, clock } = clockAt({ now: 1_000_000, monotonic: 0 })
    const axis = new RecordingClock(clock, 1_000_000)
    time.now = 5
    time.monotonic = 3
    assert.equal(axis.nextInterval(), 3000)
  })

  it('goes on after the last event when the wall clock was set back meanwhile', () => {
    const { time, clock } = clockAt({ now: 500, monotonic: 0 })
    const axis = new RecordingClock(clock, 1000, 7_000_000)
    time.monotonic = 2
    assert.equal(axis.nextInterval(), 2000)
    assert.equal(axis.lastUs, 7_002_000)
  })
})
