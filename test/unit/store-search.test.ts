import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Kysely, type KyselyConfig } from 'kysely'
import type { AuditQuery } from '../../server/core/audit-log.ts'
import type { Page } from '../../server/core/page.ts'
import type { SessionQuery } from '../../server/core/session-store.ts'
import { insertAuditEvent, listAuditEvents } from '../../server/store/audit-rows.ts'
import type { SearchOptions } from '../../server/store/search-in-pieces.ts'
import { listSessions } from '../../server/store/session-rows.ts'
import { SqliteClient } from '../../server/store/sqlite-client.ts'
import { sqliteDialect } from '../../server/store/sqlite-dialect.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import type { Database } from '../../server/store/tables.ts'
import { sessionRow } from '../contract/store-rows.ts'

const start = Date.parse('2026-01-01T00:00:00Z')
const states = ['running', 'ended', 'running', 'starting'] as const

let directory: string
let database: Kysely<Database>
let statements = 0
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hatchway-search-'))
  const path = join(directory, 'rows.db')
  let now = start
  const store = await openSqliteStore({ path, now: () => now })
  for (let n = 0; n < 40; n++) {
    const issuer = n % 5 === 0 ? {} : { issuer: `https://${n % 4}` }
    const who = { subject: `user-${n % 3}`, name: 'Jane', groups: [], ...issuer }
    const found = { target: `prod/api-${n % 7}`, reason: `reason ${n % 5}` }
    await store.appendAudit({ kind: n % 2 === 0 ? 'opened' : 'ended', who, ...found })
    const row = sessionRow(`session-${n % 4}${n}`)
    // Several at one time: what tells them apart is their id.
    const requestedAt = new Date(start + Math.floor(n / 3) * 3_000)
    const target = { ...row.target, ref: found.target, environment: `env-${n % 6}` }
    const state = states[n % 4] ?? 'ended'
    const more = n % 8 === 1 ? { startedAt: requestedAt } : {}
    await store.createSession({
      ...row,
      ...more,
      target,
      user: who,
      reason: found.reason,
      requestedAt,
      state,
    })
    now += 1000
  }
  await store.close()
  const dialect = sqliteDialect(new SqliteClient({ path }))
  const counted: KyselyConfig = { dialect, log: () => void statements++ }
  database = new Kysely<Database>(counted)
})
after(async () => {
  await database.destroy()
  await rm(directory, { recursive: true })
})

type Search = AuditQuery & SessionQuery
type Filter = Omit<Search, 'limit' | 'cursor'>
type List = (query: Search, options: SearchOptions) => Promise<Page<{ id: string }>>

/** All pages, one after the other. */
async function pages(list: List, query: Filter & { limit: number }, atOnce: number): Promise<string[][]> {
  const found: string[][] = []
  let cursor: string | undefined
  do {
    const page = await list({ ...query, ...(cursor !== undefined && { cursor }) }, { atOnce })
    found.push(page.items.map(({ id }) => id))
    cursor = page.next
  } while (cursor !== undefined)
  return found
}

const issuer = 'https://1'
const own = { subject: 'user-1', issuer }
const kinds: Record<string, { list: List; filtered: Filter; more: Filter[] }> = {
  'the audit log': {
    list: (query, options) => listAuditEvents(database, query, options),
    filtered: { kinds: ['ended'] },
    more: [
      { kinds: ['ended', 'opened'] },
      { kinds: ['opened'], issuer },
      { user: 'user-1', kinds: ['ended'] },
    ],
  },
  'the sessions': {
    list: (query, options) => listSessions(database, query, options),
    filtered: { states: ['running'] },
    more: [
      { within: { own, places: [{ environments: ['env-*2', 'env-4'] }] } },
      { within: { own, places: [{ environments: ['none'] }] }, states: ['ended', 'starting'] },
      { within: { own, places: [] } },
      { within: { own, places: [] }, user: 'user-2' },
      { states: ['running', 'starting'] },
      { states: ['ended', 'starting'], user: 'user-1' },
      { unsealed: true },
    ],
  },
}

for (const [what, { list, filtered, more }] of Object.entries(kinds)) {
  describe(`the search in ${what}`, () => {
    it('finds the same, however small the pieces are', async () => {
      const from = new Date(start + 5_000)
      const to = new Date(start + 31_000)
      const filters: Filter[] = [
        { q: 'reason 3' },
        { target: 'api-2' },
        { q: 'reason', ...filtered },
        { q: 'nothing like it' },
        { target: 'api', from, to },
        { q: 'reason 1', user: 'user-1', from },
        { q: 'reason', to },
        { issuer },
        { issuer, user: 'user-2' },
        ...more,
      ]
      for (const filter of filters) {
        for (const limit of [1, 3, 100]) {
          const whole = await pages(list, { ...filter, limit }, 1_000)
          for (const atOnce of [1, 2, 7, 40]) {
            const by = `${JSON.stringify(filter)} by ${limit}, ${atOnce} at once`
            assert.deepEqual(await pages(list, { ...filter, limit }, atOnce), whole, by)
          }
        }
      }
      assert.equal((await pages(list, { q: 'reason 3', limit: 100 }, 7)).flat().length, 8)
      assert.equal((await pages(list, { q: 'reason', limit: 100, ...filtered }, 7)).flat().length, 20)
    })

    it('lets an event that somebody waits for come between', async () => {
      statements = 0
      let isOver = false
      const search = list({ q: 'nothing like it', limit: 50 }, { atOnce: 3 }).then((page) => {
        isOver = true
        return page
      })
      await insertAuditEvent(database, { id: `zzz ${what}`, at: new Date(), kind: 'opened' }).execute()
      assert.equal(isOver, false)
      assert.deepEqual((await search).items, [])
      assert.ok(statements > 25, `${statements} statements`)
    })

    it('goes by pieces whatever has to be looked at in each row', async () => {
      const filters: Filter[] = [{ issuer: 'nobody' }, { q: 'nothing like it', ...filtered }]
      const within = { own: { subject: 'nobody' }, places: [{ environments: ['none'] }] }
      for (const filter of [...filters, ...(what === 'the sessions' ? [{ within }] : [])]) {
        statements = 0
        await list({ ...filter, limit: 50 }, { atOnce: 3 })
        assert.ok(statements > 10, `${statements} statements for ${JSON.stringify(filter)}`)
      }
    })

    it('takes one statement, or two, where an index finds all', async () => {
      for (const filter of [{}, filtered, { user: 'user-1' }, { user: 'nobody', issuer }]) {
        statements = 0
        await list({ ...filter, limit: 5 }, { atOnce: 20 })
        assert.ok(statements <= 2, `${statements} statements for ${JSON.stringify(filter)}`)
      }
    })

    it('asks before each further piece whether to go on', async () => {
      let asked = 0
      const enough = new Error('enough')
      const goOn = () => {
        if (++asked === 3) throw enough
      }
      await assert.rejects(list({ q: 'nothing like it', limit: 50 }, { atOnce: 3, goOn }), enough)
      assert.equal(asked, 3)
      await list({ q: 'reason', limit: 2 }, { atOnce: 20, goOn })
      assert.equal(asked, 3)
    })

    it('ends when whoever asked has left', async () => {
      const away = new AbortController()
      const goOn = () => away.abort()
      statements = 0
      const search = list({ q: 'nothing like it', limit: 50 }, { atOnce: 3, goOn, signal: away.signal })
      await assert.rejects(search, { code: 'cancelled' })
      assert.equal(statements, 2)
    })

    it('holds up what others ask by one piece, however many search', async () => {
      statements = 0
      const searches = Array.from({ length: 40 }, () =>
        list({ q: 'nothing like it', limit: 50 }, { atOnce: 3 }),
      )
      await insertAuditEvent(database, { id: `zzzz ${what}`, at: new Date(), kind: 'opened' }).execute()
      assert.ok(statements < 10, `${statements} statements before it`)
      await Promise.all(searches)
    })
  })
}
