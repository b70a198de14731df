/** What every implementation of `Leases` promises, and what the epoch keeps out. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Lease } from '../../server/core/leases.ts'
import type { Store } from '../../server/core/store.ts'
import { WriteConflict } from '../../server/core/write-conflict.ts'
import { sessionRow } from './store-rows.ts'
import type { StoreGround } from './store.ts'

const t0 = Date.parse('2026-02-03T04:00:00.000Z')
const term = 10_000
const isFenced = (cause: unknown) => cause instanceof WriteConflict && cause.on === 'lease'

export function leaseContract(name: string, start: () => Promise<StoreGround>): void {
  describe(`leases: ${name}`, () => {
    let ground: StoreGround
    let store: Store
    beforeEach(async () => {
      ground = await start()
      store = ground.store
      ground.setNow(t0)
      await store.createSession(sessionRow('s1'))
    })
    afterEach(() => ground.remove())

    async function take(owner: string): Promise<Lease> {
      const lease = await store.acquireLease('s1', owner, term)
      assert.ok(lease, `${owner} does not get it`)
      return lease
    }
    /** What an owner does who believes to be one. */
    const write = (lease: Lease, reason: string) =>
      store.transaction((transaction) => {
        transaction.requireLease(lease)
        transaction.appendAudit({ kind: 'adopted', sessionId: 's1', reason })
        transaction.updateSession('s1', { reason })
      })
    const written = async () => {
      const { items } = await store.listAudit({ limit: 9 })
      return [(await store.getSession('s1'))?.reason, ...items.map(({ reason }) => reason)]
    }

    it('have one owner until they expire, by the clock of the store', async () => {
      const first = await take('a')
      assert.deepEqual(first, { name: 's1', owner: 'a', epoch: 1, expiresAt: new Date(t0 + term) })
      ground.setNow(t0 + term - 1)
      assert.equal(await store.acquireLease('s1', 'b', term), undefined)
      ground.setNow(t0 + term)
      const second = await take('b')
      assert.deepEqual(second, { name: 's1', owner: 'b', epoch: 2, expiresAt: new Date(t0 + 2 * term) })
      assert.equal(await store.acquireLease('s1', 'a', term), undefined)
    })

    it('are one for each name', async () => {
      await take('a')
      const other = await store.acquireLease('s2', 'b', term)
      assert.deepEqual([other?.owner, other?.epoch], ['b', 1])
    })

    it('go to one of those who come at the same moment', async () => {
      const owners = Array.from({ length: 20 }, (_, n) => `owner-${n}`)
      const got = await Promise.all(owners.map((owner) => store.acquireLease('s1', owner, term)))
      assert.equal(got.filter((lease) => lease !== undefined).length, 1)
    })

    it('are renewed from the moment of the renewal on, by their owner alone', async () => {
      const first = await take('a')
      ground.setNow(t0 + term - 1)
      assert.equal(await store.renewLease({ ...first, owner: 'b' }, term), undefined)
      assert.equal(await store.renewLease({ ...first, epoch: 2 }, term), undefined)
      assert.equal(await store.renewLease({ ...first, name: 's2' }, term), undefined)
      const renewed = await store.renewLease(first, term)
      assert.deepEqual(renewed, { ...first, expiresAt: new Date(t0 + 2 * term - 1) })
      ground.setNow(t0 + term)
      assert.equal(await store.acquireLease('s1', 'b', term), undefined)
      await write(first, 'by the first')
    })

    it('are not lost by expiring alone', async () => {
      const first = await take('a')
      ground.setNow(t0 + 3 * term)
      await write(first, 'late, and nobody came')
      assert.deepEqual(await store.renewLease(first, term), {
        ...first,
        expiresAt: new Date(t0 + 4 * term),
      })
    })

    it('are free at once when they are released, for whoever comes, with a greater epoch', async () => {
      const first = await take('a')
      await store.releaseLease(first)
      await store.releaseLease(first)
      await assert.rejects(write(first, 'after the release'), isFenced)
      assert.equal(await store.renewLease(first, term), undefined)
      assert.equal((await take('b')).epoch, 2)
      await store.releaseLease(first)
      assert.equal(await store.acquireLease('s1', 'c', term), undefined)
    })

    it('keep their owner and their epoch over a restart of the store', async () => {
      const first = await take('a')
      store = await ground.reopen()
      assert.equal(await store.acquireLease('s1', 'b', term), undefined)
      await write(first, 'after the restart')
      await store.releaseLease(first)
      store = await ground.reopen()
      assert.equal((await take('b')).epoch, 2)
    })

    it('are fenced: an owner that was paused writes nothing when it goes on, and takes nothing back', async () => {
      const paused = await take('a')
      await write(paused, 'before the pause')
      ground.setNow(t0 + term)
      const next = await take('b')
      await write(next, 'by the next')
      // It goes on here, and knows nothing of all this.
      await assert.rejects(write(paused, 'after the pause'), isFenced)
      assert.equal(await store.renewLease(paused, term), undefined)
      await store.releaseLease(paused)
      await write(next, 'by the next, still')
      assert.deepEqual(await written(), [
        'by the next, still',
        'by the next, still',
        'by the next',
        'before the pause',
      ])
    })

    it('are fenced also against an earlier acquisition by the same owner', async () => {
      const earlier = await take('a')
      const later = await take('a')
      assert.deepEqual([earlier.epoch, later.epoch], [1, 2])
      await assert.rejects(write(earlier, 'by the earlier'), isFenced)
      await write(later, 'by the later')
      assert.deepEqual(await written(), ['by the later', 'by the later'])
    })

    it('refuse what is written under one that nobody ever had', async () => {
      const made: Lease = { name: 'none', owner: 'a', epoch: 1, expiresAt: new Date(t0 + term) }
      await assert.rejects(write(made, 'under none'), isFenced)
      assert.deepEqual(await written(), [undefined])
    })
  })
}
