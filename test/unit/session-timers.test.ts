import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import type { SessionEnd } from '../../server/core/session.ts'
import { inWords, SessionTimers } from '../../server/sessions/life/session-timers.ts'

const minute = 60_000

function timers(limits: { deadlineMs?: number; idleTimeoutMs?: number; detachedGraceMs?: number }) {
  const ends: SessionEnd[] = []
  const warnings: string[] = []
  const { deadlineMs = 240 * minute, idleTimeoutMs = 300 * minute, detachedGraceMs = 300 * minute } = limits
  const clock = new SessionTimers({
    deadline: new Date(Date.now() + deadlineMs),
    idleTimeoutMs,
    detachedGraceMs,
    onWarning: (text) => warnings.push(text),
    onEnd: (end) => ends.push(end),
  })
  return { clock, ends, warnings }
}

describe('SessionTimers', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'] }))
  afterEach(() => mock.timers.reset())

  it('warns 5 minutes and 1 minute before the deadline, then ends once', () => {
    const { clock, ends, warnings } = timers({ deadlineMs: 10 * minute })
    clock.setAttached(true)
    mock.timers.tick(5 * minute)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /5 minutes/)
    mock.timers.tick(4 * minute)
    assert.match(warnings[1] ?? '', /1 minute/)
    mock.timers.tick(10 * minute)
    assert.deepEqual(
      ends.map(({ reason }) => reason),
      ['expired'],
    )
  })

  it('ends after the idle time, counted from the last input', () => {
    const { clock, ends, warnings } = timers({ idleTimeoutMs: 10 * minute })
    mock.timers.tick(8 * minute)
    clock.noteInput()
    mock.timers.tick(8 * minute)
    assert.deepEqual([ends, warnings], [[], []])
    mock.timers.tick(minute)
    assert.equal(warnings.length, 1)
    mock.timers.tick(minute)
    assert.equal(ends[0]?.reason, 'idle')
  })

  it('ends when nobody was connected for the grace time, not while somebody is', () => {
    const { clock, ends } = timers({ detachedGraceMs: 5 * minute })
    clock.setAttached(true)
    mock.timers.tick(20 * minute)
    clock.setAttached(false)
    mock.timers.tick(4 * minute)
    clock.setAttached(true)
    clock.setAttached(false)
    mock.timers.tick(4 * minute)
    assert.equal(ends.length, 0)
    mock.timers.tick(minute)
    assert.match(ends[0]?.detail ?? '', /Nobody was connected for 5 minutes/)
  })

  it('does nothing after stop', () => {
    const { clock, ends } = timers({ deadlineMs: minute })
    clock.stop()
    mock.timers.tick(10 * minute)
    assert.deepEqual(ends, [])
  })

  it('says durations in words', () => {
    assert.equal(inWords(90_000), '1 minute 30 seconds')
    assert.equal(inWords(7_200_000), '2 hours')
    assert.equal(inWords(400), '1 second')
  })
})
