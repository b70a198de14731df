import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCast, Timeline } from '../../web/player/cast.ts'

const recording = [
  '{"version":3,"term":{"cols":100,"rows":30},"title":"web-1"}',
  '[0.5, "o", "a"]',
  '# hatchway-bytes /w==',
  '[0.5, "i", "typed"]',
  '[10, "m", "the gateway restarted"]',
  '[1, "r", "80x24"]',
  '[1, "o", "b"]',
  '[7, "x", "0"]',
].join('\n')

describe('a recording in the player', () => {
  it('adds up intervals, and leaves out what is not shown', () => {
    const cast = parseCast(recording)
    assert.deepEqual([cast.cols, cast.rows, cast.duration], [100, 30, 20])
    assert.deepEqual(cast.events, [
      [500, 'o', 'a'],
      [11_000, 'm', 'the gateway restarted'],
      [12_000, 'r', '80x24'],
      [13_000, 'o', 'b'],
      [20_000, 'o', ''],
    ])
    assert.deepEqual(cast.markers, [{ seconds: 11, label: 'the gateway restarted' }])
  })

  it('plays a live one whose last line is only half written', () => {
    const cast = parseCast(`${recording}\n[3, "o", "half a li`)
    assert.equal(cast.duration, 20)
  })

  it('says so when it is something else', () => {
    for (const other of ['', '<html>', '{"version":2,"width":80,"height":24}']) {
      assert.throws(() => parseCast(other), /not a recording in the asciicast v3 format/)
    }
  })

  it('maps moments of the recording to moments of the playback and back', () => {
    const cast = parseCast(recording)
    const timeline = new Timeline(cast, 2)
    // Pauses: 0.5 to 11 is cut to 2 s, 13 to 20 as well.
    // A moment in what is left out is played a hair before what follows it: web-player-timeline.test.ts.
    assert.deepEqual(
      [0, 0.5, 2.5, 8, 11, 13, 20].map((second) => Math.round(timeline.played(second) * 100) / 100),
      [0, 0.5, 2.5, 2.5, 2.5, 4.5, 6.5],
    )
    for (const second of [0, 0.4, 2, 11.5, 13, 14]) {
      assert.equal(timeline.recorded(timeline.played(second)), second)
    }
  })

  it('changes no time when pauses are played', () => {
    const timeline = new Timeline(parseCast(recording), undefined)
    assert.equal(timeline.played(12.5), 12.5)
    assert.equal(timeline.recorded(12.5), 12.5)
  })
})
