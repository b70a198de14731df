/** What every implementation of `Store` promises of writes that go together, and of those that go on from what was read. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { changeSession } from '../../server/gateway/change-session.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import type { Store } from '../../server/core/store.ts'
import { WriteConflict } from '../../server/core/write-conflict.ts'
import { sessionRow } from './store-rows.ts'
import type { StoreGround } from './store.ts'

const t0 = Date.parse('2026-02-03T04:00:00.000Z')
const failsWith = (code: string) => (cause: unknown) => cause instanceof HatchwayError && cause.code === code
const isConflict = (cause: unknown) => cause instanceof WriteConflict && cause.on === 'version'

export function writeContract(name: string, start: () => Promise<StoreGround>): void {
  describe(`writes: ${name}`, () => {
    let ground: StoreGround
    let store: Store
    beforeEach(async () => {
      ground = await start()
      store = ground.store
      ground.setNow(t0)
    })
    afterEach(() => ground.remove())

    const events = async () => (await store.listAudit({ limit: 100 })).items.toReversed()
    const versionOf = async (id: string) => (await store.getVersionedSession(id))?.version

    describe('of one transaction', () => {
      it('are all there, events in their order, also after a restart', async () => {
        const stored = await store.transaction((transaction) => {
          const first = transaction.appendAudit({ kind: 'break-glass', sessionId: 's1' })
          const second = transaction.appendAudit({ kind: 'opened', sessionId: 's1', detail: { size: 80 } })
          transaction.createSession(sessionRow('s1'))
          transaction.updateSession('s1', { state: 'running' })
          return [first, second]
        })
        store = await ground.reopen()
        assert.deepEqual(await events(), stored)
        assert.deepEqual(
          stored.map(({ at }) => at),
          [new Date(t0), new Date(t0)],
        )
        assert.deepEqual(await store.getSession('s1'), sessionRow('s1', { state: 'running' }))
      })

      it('are all missing when one of them is refused, whichever', async () => {
        await store.createSession(sessionRow('s1'))
        const event = { kind: 'opened', sessionId: 's1' } as const
        const twice = store.transaction((transaction) => {
          transaction.appendAudit(event)
          transaction.createSession(sessionRow('s2'))
          transaction.createSession(sessionRow('s1'))
        })
        await assert.rejects(twice, failsWith('store_unavailable'))
        const nobody = store.transaction((transaction) => {
          transaction.updateSession('s1', { state: 'running' })
          transaction.updateSession('none', { state: 'running' })
          transaction.appendAudit(event)
        })
        await assert.rejects(nobody, failsWith('session_not_found'))
        const passed = store.transaction((transaction) => {
          transaction.appendAudit(event)
          transaction.updateSession('s1', { state: 'running' }, 7)
        })
        await assert.rejects(passed, isConflict)
        assert.deepEqual(await events(), [])
        assert.deepEqual(await store.getSession('s1'), sessionRow('s1'))
        assert.equal(await store.getSession('s2'), undefined)
        assert.equal(await versionOf('s1'), 1)
      })

      it('are none when their caller throws', async () => {
        const error = new Error('it changed its mind')
        const thrown = store.transaction((transaction) => {
          transaction.createSession(sessionRow('s1'))
          throw error
        })
        await assert.rejects(thrown, error)
        assert.equal(await store.getSession('s1'), undefined)
      })

      it('may be none at all', async () => {
        assert.equal(await store.transaction(() => 'done'), 'done')
      })

      it('leave the store as ready as before, after a refusal too', async () => {
        const refused = store.transaction((transaction) => transaction.updateSession('none', {}))
        const taken = store.transaction((transaction) => transaction.createSession(sessionRow('s1')))
        await assert.rejects(refused, failsWith('session_not_found'))
        await taken
        await store.check()
      })

      it('are seen together by everybody else', async () => {
        const writing = Array.from({ length: 20 }, (_, n) =>
          store.transaction((transaction) => {
            transaction.appendAudit({ kind: 'opened', sessionId: `s${n}` })
            transaction.createSession(sessionRow(`s${n}`))
          }),
        )
        for (let n = 0; n < 20; n++) {
          const row = await store.getSession(`s${n}`)
          const { items } = await store.listAudit({ sessionId: `s${n}`, limit: 9 })
          // Between the two reads it may have been written; never the one without the other.
          if (row !== undefined) assert.equal(items.length, 1)
        }
        await Promise.all(writing)
        assert.equal((await events()).length, 20)
      })
    })

    describe('by compare-and-set', () => {
      beforeEach(() => store.createSession(sessionRow('s1')))

      it('go on from the version that was read, and from no other', async () => {
        const read = await store.getVersionedSession('s1')
        assert.deepEqual(read, { row: sessionRow('s1'), version: 1 })
        await store.updateSession('s1', { reason: 'first' }, read.version)
        await assert.rejects(store.updateSession('s1', { reason: 'second' }, read.version), isConflict)
        assert.deepEqual(await store.getVersionedSession('s1'), {
          row: sessionRow('s1', { reason: 'first' }),
          version: 2,
        })
      })

      it('see every other write, also one that asks for no version or changes nothing', async () => {
        await store.updateSession('s1', { reason: 'first' })
        await assert.rejects(store.updateSession('s1', { reason: 'second' }, 1), isConflict)
        await store.updateSession('s1', {})
        await assert.rejects(store.updateSession('s1', { reason: 'second' }, 2), isConflict)
        await store.updateSession('s1', { reason: 'third' }, 3)
      })

      it('tell a row that is not there from one that has changed', async () => {
        await assert.rejects(store.updateSession('none', {}, 1), failsWith('session_not_found'))
        assert.equal(await store.getVersionedSession('none'), undefined)
      })

      it('lose nothing of what many do at the same moment', async () => {
        const rules = Array.from({ length: 20 }, (_, n) => `rule-${n}`)
        await Promise.all(
          rules.map((rule) =>
            changeSession(store, 's1', (row) => ({
              change: { rules: [...row.rules, rule] },
              events: [{ kind: 'approved', sessionId: 's1', reason: rule }],
            })),
          ),
        )
        const row = await store.getSession('s1')
        assert.deepEqual(row?.rules.toSorted(), ['on-call', ...rules].toSorted())
        // What was refused and done again has one event.
        assert.deepEqual(
          (await events()).map(({ reason }) => reason),
          row.rules.slice(1),
        )
        assert.equal(await versionOf('s1'), 21)
      })

      it('resolve with the row as it is stored then, or write nothing where nothing is wanted', async () => {
        const changed = await changeSession(store, 's1', () => ({ change: { reason: 'a reason' } }))
        assert.deepEqual(changed, await store.getSession('s1'))
        assert.equal(await changeSession(store, 's1', () => undefined), undefined)
        assert.equal(await versionOf('s1'), 2)
        await assert.rejects(
          changeSession(store, 'none', () => ({ change: {} })),
          failsWith('session_not_found'),
        )
      })

      it('give up, and say so, when somebody else is faster every time', async () => {
        let tries = 0
        const faster = {
          transaction: store.transaction.bind(store),
          getVersionedSession: async (id: string) => {
            tries++
            const read = await store.getVersionedSession(id)
            await store.updateSession(id, { reason: `write ${tries}` })
            return read
          },
        }
        const change = changeSession(faster, 's1', () => ({ change: { reason: 'mine' } }))
        await assert.rejects(change, failsWith('store_unavailable'))
        assert.equal((await store.getSession('s1'))?.reason, `write ${tries}`)
      })
    })
  })
}
