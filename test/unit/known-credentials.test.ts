import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KnownCredentials } from '../../server/http/known-credentials.ts'

describe('known credentials', () => {
  it('are good or refused for a while, as they were last found', () => {
    let now = 0
    const known = new KnownCredentials(() => now)
    known.refused('a')
    known.accepted('b')
    assert.deepEqual([known.isRefused('a'), known.isGood('a')], [true, false])
    assert.deepEqual([known.isRefused('b'), known.isGood('b')], [false, true])
    // A key that is published a moment later makes it good.
    now = 10_000
    assert.ok(!known.isRefused('a'))
    known.accepted('a')
    known.refused('b')
    assert.deepEqual([known.isGood('a'), known.isGood('b')], [true, false])
    now += 5 * 60_000
    assert.ok(!known.isGood('a'))
  })

  it('forget the eldest, however many come', () => {
    const known = new KnownCredentials(() => 0)
    for (let count = 0; count <= 10_000; count++) known.refused(`guess ${count}`)
    assert.deepEqual([known.isRefused('guess 0'), known.isRefused('guess 10000')], [false, true])
  })
})
