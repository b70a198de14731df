import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AuditIds, smallestId } from '../../server/store/audit-id.ts'

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('ids of audit events', () => {
  it('are UUIDs of version 7 that carry their time', () => {
    const { id, at } = new AuditIds(() => 0x0123_4567_89ab).next()
    assert.match(id, form)
    assert.ok(id.startsWith('01234567-89ab-7'))
    assert.equal(at, 0x0123_4567_89ab)
  })

  it('sort in the order in which they were made, also within a millisecond', () => {
    const ids = new AuditIds(() => 1_800_000_000_000)
    const made = Array.from({ length: 20_000 }, () => ids.next().id)
    assert.deepEqual(made.toSorted(), made)
    assert.equal(new Set(made).size, made.length)
    for (const id of made) assert.match(id, form)
  })

  it('keep their order when the clock is set back a little, and follow it when it is set back a lot', () => {
    let now = 1_800_000_000_000
    const ids = new AuditIds(() => now)
    const first = ids.next()
    now -= 5000
    const second = ids.next()
    assert.ok(second.id > first.id)
    assert.equal(second.at, first.at)
    now -= 3_600_000
    assert.equal(ids.next().at, now)
  })

  it('have a lower bound for each millisecond', () => {
    const { id } = new AuditIds(() => 1000).next()
    assert.ok(smallestId(1000) <= id)
    assert.ok(id < smallestId(1001))
    assert.match(smallestId(-5), form)
    assert.match(smallestId(Number.MAX_SAFE_INTEGER), form)
  })
})
