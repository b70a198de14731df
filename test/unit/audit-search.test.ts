import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Kysely, type KyselyConfig } from 'kysely'
import type { AuditQuery } from '../../server/core/store.ts'
import { insertAuditEvent, listAuditEvents } from '../../server/store/audit-rows.ts'
import { SqliteClient } from '../../server/store/sqlite-client.ts'
import { sqliteDialect } from '../../server/store/sqlite-dialect.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import type { Database } from '../../server/store/tables.ts'

const start = Date.parse('2026-01-01T00:00:00Z')

describe('the search in the audit log', () => {
  let directory: string
  let database: Kysely<Database>
  let statements = 0
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-search-'))
    const path = join(directory, 'rows.db')
    let now = start
    const store = await openSqliteStore({ path, now: () => now })
    for (let n = 0; n < 40; n++) {
      const kind = n % 2 === 0 ? 'opened' : 'ended'
      const who = { subject: `user-${n % 3}`, name: 'Jane' }
      await store.appendAudit({ kind, who, target: `prod/api-${n % 7}`, reason: `reason ${n % 5}` })
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

  /** All pages, one after the other. */
  async function pages(query: Omit<AuditQuery, 'cursor'>, atOnce: number): Promise<string[][]> {
    const found: string[][] = []
    let cursor: string | undefined
    do {
      const page = await listAuditEvents(
        database,
        { ...query, ...(cursor !== undefined && { cursor }) },
        atOnce,
      )
      found.push(page.items.map(({ id }) => id))
      cursor = page.next
    } while (cursor !== undefined)
    return found
  }

  it('finds the same, however small the pieces are', async () => {
    const from = new Date(start + 5_000)
    const to = new Date(start + 31_000)
    const filters: Omit<AuditQuery, 'limit' | 'cursor'>[] = [
      { q: 'reason 3' },
      { target: 'api-2' },
      { q: 'reason', kinds: ['ended'] },
      { q: 'nothing like it' },
      { target: 'api', from, to },
      { q: 'reason 1', user: 'user-1', from },
      { q: 'reason', to },
    ]
    for (const filter of filters) {
      for (const limit of [1, 3, 100]) {
        const whole = await pages({ ...filter, limit }, 1_000)
        for (const atOnce of [1, 2, 7, 40]) {
          const what = `${JSON.stringify(filter)} by ${limit}, ${atOnce} at once`
          assert.deepEqual(await pages({ ...filter, limit }, atOnce), whole, what)
        }
      }
    }
    assert.equal((await pages({ q: 'reason 3', limit: 100 }, 7)).flat().length, 8)
  })

  it('lets an event that somebody waits for come between', async () => {
    statements = 0
    let isOver = false
    const search = listAuditEvents(database, { q: 'nothing like it', limit: 50 }, 3).then((page) => {
      isOver = true
      return page
    })
    await insertAuditEvent(database, { id: 'zzz', at: new Date(), kind: 'opened' })
    assert.equal(isOver, false)
    assert.deepEqual((await search).items, [])
    assert.ok(statements > 25, `${statements} statements`)
  })
})
