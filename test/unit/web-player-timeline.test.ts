import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCast, Timeline } from '../../web/player/cast.ts'

// Output at 0.1 s and, after a pause of six seconds, at 6.1 s and 7.1 s.
const cast = parseCast(
  ['{"version":3,"term":{"cols":80,"rows":24}}', '[0.1,"o","a"]', '[6,"o","b"]', '[1,"o","c"]'].join('\n'),
)
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 0.01, `${actual} is not about ${expected}`)

describe('the time of a replay that leaves pauses out', () => {
  const timeline = new Timeline(cast, 2)

  it('is the recorded one without the part of each pause that is too long', () => {
    for (const [recorded, played] of [
      [0, 0],
      [2, 2],
      [6.1, 2.1],
      [7.1, 3.1],
    ] as const) {
      near(timeline.played(recorded), played)
      near(timeline.recorded(played === 2.1 ? 2.101 : played), recorded)
    }
  })

  it('is before what follows a pause, anywhere in what is left out of it', () => {
    for (const recorded of [2.2, 3, 4.5, 6.099]) {
      const played = timeline.played(recorded)
      assert.ok(played < 2.1, `second ${recorded} is played at ${played}, when the next output is there`)
    }
  })

  it('is the recorded one when no pause is too long', () => {
    const whole = new Timeline(cast, undefined)
    for (const second of [0, 3, 7.1]) {
      assert.equal(whole.played(second), second)
      assert.equal(whole.recorded(second), second)
    }
  })
})
