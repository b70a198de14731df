import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { Kysely, sql } from 'kysely'
import { HatchwayError } from '../../server/core/errors.ts'
import type { AuditQuery } from '../../server/core/audit-log.ts'
import type { Page } from '../../server/core/page.ts'
import type { AuditEvent, SessionRow } from '../../server/core/session.ts'
import type { Store } from '../../server/core/store.ts'
import { AuditIds } from '../../server/store/audit-id.ts'
import { auditQuery } from '../../server/store/audit-rows.ts'
import { SqliteClient } from '../../server/store/sqlite-client.ts'
import { sqliteDialect } from '../../server/store/sqlite-dialect.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import type { Database } from '../../server/store/tables.ts'
import { eventually } from '../support/eventually.ts'
import { within } from '../support/within.ts'
import { sessionRow } from './store-rows.ts'
import { storeContract, type StoreGround } from './store.ts'
import { leaseContract } from './store-leases.ts'
import { writeContract } from './store-writes.ts'

const run = promisify(execFile)

/** All pages of a list. */
async function everything<T>(list: (page: { limit: number; cursor?: string }) => Promise<Page<T>>) {
  const items: T[] = []
  let page: Page<T> = await list({ limit: 200 })
  items.push(...page.items)
  while (page.next !== undefined) {
    page = await list({ limit: 200, cursor: page.next })
    items.push(...page.items)
  }
  return items
}

async function ground(): Promise<StoreGround> {
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-store-'))
  let now = 0
  const open = () => openSqliteStore({ path: join(directory, 'hatchway.db'), now: () => now })
  let store = await open()
  return {
    store,
    setNow: (ms) => (now = ms),
    async reopen() {
      await store.close()
      store = await open()
      return store
    },
    async remove() {
      await store.close()
      await rm(directory, { recursive: true })
    },
  }
}

storeContract('SQLite', ground)
writeContract('SQLite', ground)
leaseContract('SQLite', ground)

describe('store in SQLite', () => {
  let directory: string
  let path: string
  const unavailable = (words: RegExp) => (cause: unknown) =>
    cause instanceof HatchwayError && cause.code === 'store_unavailable' && words.test(cause.message)
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-store-'))
    path = join(directory, 'hatchway.db')
  })
  afterEach(() => rm(directory, { recursive: true }))

  /** A process that writes until it is killed, and the ids that it said so far. */
  async function startWriter(): Promise<{ child: ChildProcess; ids: () => string[] }> {
    const program = join(import.meta.dirname, 'store-writer.ts')
    const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (data: string) => (said += data))
    const ids = () => said.split('\n').slice(0, -1)
    await eventually(() => ids().length > 20, { what: 'the writer' })
    return { child, ids }
  }

  it('is for its owner only', async () => {
    const store = await openSqliteStore({ path })
    await store.check()
    for (const name of await readdir(directory)) {
      assert.equal(((await stat(join(directory, name))).mode & 0o777).toString(8), '600', name)
    }
    await store.close()
  })

  it('belongs to one process, says to which, and loses nothing when that one is killed', async () => {
    const { child, ids } = await startWriter()
    const refused = openSqliteStore({ path, busyTimeoutMs: 50 })
    await assert.rejects(refused, unavailable(new RegExp(`another Hatchway uses .*: pid ${child.pid}\\b`)))
    const before = ids().length
    await eventually(() => ids().length > before, { what: 'the first process to go on' })
    child.kill('SIGKILL')
    await within(once(child, 'close'), 'the writer to die')
    const store = await openSqliteStore({ path, busyTimeoutMs: 50 })
    const events = await everything<AuditEvent>((page) => store.listAudit(page))
    const stored = new Set(events.map((event) => event.id))
    assert.deepEqual(
      ids().filter((id) => !stored.has(id)),
      [],
    )
    // Of what was being written when it was killed, both are there or neither.
    const rows = await everything<SessionRow>((page) => store.listSessions(page))
    assert.equal(events.length, rows.length)
    assert.deepEqual(new Set(events.map(({ sessionId }) => sessionId)), new Set(rows.map(({ id }) => id)))
    await store.close()
  })

  it('waits a moment for a process that is about to end', async () => {
    const { child } = await startWriter()
    const opening = openSqliteStore({ path, busyTimeoutMs: 20_000 })
    child.kill('SIGKILL')
    await (await within(opening, 'the store', 20_000)).close()
  })

  it('belongs to one store also within a process', async () => {
    const store = await openSqliteStore({ path })
    const second = openSqliteStore({ path, busyTimeoutMs: 50 })
    await assert.rejects(second, unavailable(new RegExp(`pid ${process.pid}\\b`)))
    await store.check()
    await store.close()
    await (await openSqliteStore({ path })).close()
  })

  it('says what is wrong with a path that cannot be used', async () => {
    await writeFile(join(directory, 'file'), '')
    const below = openSqliteStore({ path: join(directory, 'file', 'hatchway.db') })
    await assert.rejects(below, unavailable(/EEXIST|ENOTDIR/))
    await assert.rejects(openSqliteStore({ path: directory }), unavailable(/unable to open/))
  })

  it('loads node:sqlite only in its worker thread', async () => {
    const program = `
      const { openSqliteStore } = await import(${JSON.stringify(import.meta.resolve('../../server/store/sqlite-store.ts'))})
      const store = await openSqliteStore({ path: ${JSON.stringify(path)} })
      await store.appendAudit({ kind: 'viewed' })
      console.log(process.moduleLoadList.some((name) => name.includes('sqlite')))
      await store.close()
      await import('node:sqlite')
      console.log(process.moduleLoadList.some((name) => name.includes('sqlite')))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 30_000,
    })
    assert.equal(stdout, 'false\ntrue\n')
  })

  it('does not keep the process alive', async () => {
    const program = `
      const { openSqliteStore } = await import(${JSON.stringify(import.meta.resolve('../../server/store/sqlite-store.ts'))})
      const store = await openSqliteStore({ path: ${JSON.stringify(path)} })
      await store.check()`
    await run(process.execPath, ['--input-type=module', '-e', program], { timeout: 30_000 })
  })

  it('refuses to change or remove audit events', async () => {
    const store = await openSqliteStore({ path })
    const { id } = await store.appendAudit({ kind: 'denied', reason: 'kept' })
    await store.close()
    const database = new DatabaseSync(path)
    database.exec('PRAGMA recursive_triggers = ON')
    const attempts = [
      "update audit_events set reason = 'changed'",
      'delete from audit_events',
      `replace into audit_events (id, at, kind) values ('${id}', 1, 'viewed')`,
    ]
    for (const attempt of attempts) assert.throws(() => database.exec(attempt), /append-only/, attempt)
    database.close()
    const reopened = await openSqliteStore({ path })
    assert.equal((await reopened.listAudit({ limit: 1 })).items[0]?.reason, 'kept')
    await reopened.close()
  })

  it('keeps the tables of an older start', async () => {
    let store: Store = await openSqliteStore({ path })
    await store.createSession(sessionRow('s1'))
    await store.close()
    store = await openSqliteStore({ path })
    assert.deepEqual(await store.getSession('s1'), sessionRow('s1'))
    await store.close()
  })

  it('reads what was stored before people were kept with their issuer', async () => {
    let store: Store = await openSqliteStore({ path })
    await store.createSession(sessionRow('s1'))
    await store.updateSession('s1', {
      user: { subject: 'ada', name: 'Ada', groups: [], issuer: 'https://corp.example' },
      breakGlass: {
        needs: [],
        review: { verdict: 'justified', by: { subject: 'lea', name: 'Lea' }, at: new Date(1), reason: 'x' },
      },
    })
    await store.close()
    const database = new DatabaseSync(path)
    database.exec(`
      update sessions set ending = '{"reason":"terminated","by":"Ada Lovelace","detail":"bye"}';
      insert into audit_events (id, at, kind, user_subject, user_name) values ('01', 1, 'opened', 'ada', 'Ada');
      alter table audit_events drop column user_issuer;
      alter table sessions drop column kind;
      alter table sessions drop column detail;
      alter table sessions drop column cwd;
      alter table sessions drop column network_only;
      alter table sessions drop column exclusive;
      alter table sessions drop column process;
      alter table sessions drop column version;
      drop table leases;
      delete from kysely_migration where name >= '0006'`)
    database.close()
    store = await openSqliteStore({ path })
    const row = await store.getSession('s1')
    const by = { subject: '', name: 'Ada Lovelace' }
    assert.deepEqual(row?.end, { reason: 'terminated', code: 'terminated', by, detail: 'bye' })
    assert.deepEqual(row?.breakGlass?.review?.by, { subject: 'lea', name: 'Lea' })
    await store.appendAudit({
      kind: 'viewed',
      who: { subject: 'ada', name: 'Ada', issuer: 'https://partner.example' },
    })
    const kindsAt = async (issuer: string) =>
      (await store.listAudit({ user: 'ada', issuer, limit: 9 })).items.map(({ kind, who }) => [
        kind,
        who?.issuer,
      ])
    // An event that does not say who vouched for its person is found with each; one that does, only there.
    assert.deepEqual(await kindsAt('https://corp.example'), [['opened', undefined]])
    assert.deepEqual(await kindsAt('https://partner.example'), [
      ['viewed', 'https://partner.example'],
      ['opened', undefined],
    ])
    const sessionsAt = async (issuer: string) =>
      (await store.listSessions({ user: 'ada', issuer, limit: 9 })).items.length
    assert.deepEqual(
      [await sessionsAt('https://corp.example'), await sessionsAt('https://partner.example')],
      [1, 0],
    )
    await store.close()
  })

  it('refuses the database of a newer version', async () => {
    await (await openSqliteStore({ path })).close()
    const database = new DatabaseSync(path)
    database.exec("insert into kysely_migration (name, timestamp) values ('9999-future', '')")
    database.close()
    await assert.rejects(openSqliteStore({ path }), unavailable(/newer Hatchway/))
  })

  it('lists 100,000 audit events through an index', async () => {
    await (await openSqliteStore({ path })).close()
    const database = new DatabaseSync(path)
    let now = Date.now()
    const ids = new AuditIds(() => now++)
    const insert = database.prepare(
      'insert into audit_events (id, at, kind, user_subject) values (?, ?, ?, ?)',
    )
    database.exec('begin')
    for (let count = 0; count < 100_000; count++) {
      const { id, at } = ids.next()
      insert.run(id, at, count % 50_000 === 0 ? 'denied' : 'viewed', `user-${count % 10}`)
    }
    database.exec('commit; analyze')
    const kysely = new Kysely<Database>({ dialect: sqliteDialect(new SqliteClient({ path: ':memory:' })) })
    const from = new Date(now - 50_000)
    const cursor = Buffer.from(JSON.stringify([now, ids.next().id])).toString('base64url')
    const cases: [Partial<AuditQuery>, string][] = [
      [{}, 'sqlite_autoindex_audit_events_1'],
      [{ from }, 'sqlite_autoindex_audit_events_1'],
      [{ cursor }, 'sqlite_autoindex_audit_events_1'],
      [{ user: 'user-3' }, 'audit_events_user_subject'],
      [{ kinds: ['denied'] }, 'audit_events_kind'],
      [{ sessionId: 's' }, 'audit_events_session_id'],
    ]
    for (const [filter, index] of cases) {
      const query = auditQuery(kysely, { limit: 50, ...filter }).compile()
      const plan = database.prepare(`explain query plan ${query.sql}`).all(...(query.parameters as string[]))
      const steps = plan.map((step) => String(step['detail'])).join('; ')
      assert.match(steps, new RegExp(`USING INDEX ${index}`), JSON.stringify(filter))
      assert.doesNotMatch(steps, /TEMP B-TREE/, JSON.stringify(filter))
    }
    database.close()
    const store = await openSqliteStore({ path })
    assert.equal((await store.listAudit({ limit: 50, kinds: ['denied'] })).items.length, 2)
    await store.close()
  })

  describe('its thread', () => {
    const count = (rows: number) =>
      `with recursive c(x) as (select 1 union all select x + 1 from c where x < ${rows}) select count(*) from c`
    // SQLite has no sleep: this counts for about four seconds, on whatever machine.
    let slow: string
    before(() => {
      const memory = new DatabaseSync(':memory:')
      const start = performance.now()
      memory.exec(count(300_000))
      slow = count(Math.round((300_000 * 4000) / (performance.now() - start)))
      memory.close()
    })

    it('counts as dead when it does not answer, and is started again', async () => {
      const client = new SqliteClient({ path, deadlineMs: 1000, busyTimeoutMs: 20_000 })
      await client.execute('create table t (x)', [])
      const results = await Promise.allSettled([client.execute(slow, []), client.execute('select 1', [])])
      for (const result of results) {
        assert.ok(result.status === 'rejected' && unavailable(/did not answer/)(result.reason))
      }
      const { rows } = await eventually(() => client.execute('select count(*) as n from t', []), {
        what: 'the next thread',
        timeoutMs: 30_000,
      })
      assert.deepEqual({ ...rows[0] }, { n: 0 })
      await client.close()
    })

    it('takes an open transaction with it', async () => {
      const client = new SqliteClient({ path, deadlineMs: 1000, busyTimeoutMs: 20_000 })
      const database = new Kysely<{ t: { x: number } }>({ dialect: sqliteDialect(client) })
      await database.schema.createTable('t').addColumn('x', 'integer').execute()
      const transaction = database.transaction().execute(async (inside) => {
        await inside.insertInto('t').values({ x: 1 }).execute()
        await assert.rejects(sql.raw(slow).execute(inside), unavailable(/did not answer/))
        await inside.insertInto('t').values({ x: 2 }).execute()
      })
      await assert.rejects(transaction, /transaction was lost/)
      const rows = await eventually(() => database.selectFrom('t').selectAll().execute(), {
        what: 'the next thread',
        timeoutMs: 30_000,
      })
      assert.deepEqual(rows, [])
      await database.destroy()
    })

    it('runs one transaction after the other', async () => {
      const client = new SqliteClient({ path })
      const database = new Kysely<{ t: { x: number } }>({ dialect: sqliteDialect(client) })
      await database.schema.createTable('t').addColumn('x', 'integer').execute()
      await database.insertInto('t').values({ x: 0 }).execute()
      const increment = () =>
        database.transaction().execute(async (inside) => {
          const { x } = await inside.selectFrom('t').select('x').executeTakeFirstOrThrow()
          await inside
            .updateTable('t')
            .set({ x: x + 1 })
            .execute()
        })
      await Promise.all(Array.from({ length: 10 }, increment))
      assert.deepEqual(await database.selectFrom('t').selectAll().execute(), [{ x: 10 }])
      await database.destroy()
    })
  })
})
