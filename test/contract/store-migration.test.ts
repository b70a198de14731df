/** A database that an earlier version made, and what becomes of its rows. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { changeSession } from '../../server/gateway/change-session.ts'
import type { Approval } from '../../server/core/approval.ts'
import type { Store } from '../../server/core/store.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import { fullSessionRow, sessionRow } from './store-rows.ts'

const then = Date.parse('2026-02-03T04:05:06.789Z')

describe('a database of before rows had versions', () => {
  let directory: string
  let path: string
  let store: Store
  const open = () => openSqliteStore({ path, now: () => then })
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-store-'))
    path = join(directory, 'hatchway.db')
    const database = new DatabaseSync(path)
    database.exec(await readFile(join(import.meta.dirname, 'store-before-versions.sql'), 'utf8'))
    database.close()
    store = await open()
  })
  afterEach(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })

  it('gives back every row as it was stored, at once and after a restart', async () => {
    for (let starts = 0; starts < 2; starts++) {
      assert.deepEqual(await store.getSession('small'), sessionRow('small'))
      assert.deepEqual(await store.getSession('full'), fullSessionRow('full'))
      const { items } = await store.listSessions({ limit: 9 })
      assert.deepEqual(
        items.map(({ id }) => id),
        ['waiting', 'small', 'full'],
      )
      const events = await store.listAudit({ limit: 9 })
      assert.deepEqual(events.items, [
        {
          id: '019c21ac-ec65-769f-8669-2dc64081b5e6',
          at: new Date(then),
          kind: 'opened',
          who: { subject: 'ada', name: 'Ada Lovelace', issuer: 'https://idp.example.com' },
          from: '::1',
          action: 'open',
          target: 'local/web-1',
          sessionId: 'small',
          rule: 'on-call',
          reason: 'INC-1',
          detail: { size: 80 },
        },
      ])
      assert.equal((await store.getLogin('hash'))?.principal.subject, 'ada')
      await store.close()
      store = await open()
    }
  })

  it('starts each row at one version, from which it is changed like any other', async () => {
    for (const id of ['small', 'full', 'waiting'])
      assert.equal((await store.getVersionedSession(id))?.version, 1, id)
    const by = { subject: 'lea', name: 'Lea', issuer: 'i', groups: ['leads'] }
    const vote = { decision: 'approve', by, at: new Date(then) } as const
    const voted = await changeSession(store, 'waiting', ({ approval }) => ({
      change: { approval: { ...(approval as Approval), votes: [vote] } },
      events: [{ kind: 'approved', sessionId: 'waiting' }],
    }))
    assert.deepEqual(voted?.approval?.votes, [vote])
    await assert.rejects(store.updateSession('waiting', { reason: 'late' }, 1), { name: 'WriteConflict' })
    assert.equal((await store.listAudit({ limit: 9 })).items.length, 2)
  })

  it('has kinds in place of flags', async () => {
    await store.close()
    const database = new DatabaseSync(path)
    const rows = database.prepare('select * from sessions order by id').all()
    database.close()
    assert.deepEqual(
      rows.map(({ id, kind, detail }) => [id, kind, detail]),
      [
        ['full', 'command', '{"cwd":"$TARGET/var"}'],
        ['small', 'terminal', null],
        ['waiting', 'terminal', null],
      ],
    )
    store = await open()
  })

  it('keeps its log append-only, and lends leases', async () => {
    const lease = await store.acquireLease('waiting', 'a', 1000)
    assert.equal(lease?.epoch, 1)
    await store.close()
    const database = new DatabaseSync(path)
    assert.throws(() => database.exec('delete from audit_events'), /append-only/)
    database.close()
    store = await open()
    assert.equal((await store.listAudit({ limit: 9 })).items.length, 1)
  })
})
