import type { Kysely, Selectable } from 'kysely'
import type { AuditEvent } from '../core/session.ts'
import type { AuditQuery } from '../core/audit-log.ts'
import type { Page } from '../core/page.ts'
import { smallestId } from './audit-id.ts'
import { present, toJson } from './json-column.ts'
import { contains, decodeCursor, toPage, vouchedBy } from './list-query.ts'
import { type Search, searchInPieces, type SearchOptions } from './search-in-pieces.ts'
import type { AuditEventsTable, Database } from './tables.ts'

export function insertAuditEvent(database: Kysely<Database>, event: AuditEvent) {
  return database.insertInto('audit_events').values({
    id: event.id,
    at: event.at.getTime(),
    kind: event.kind,
    user_subject: event.who?.subject ?? null,
    user_name: event.who?.name ?? null,
    user_issuer: event.who?.issuer ?? null,
    remote_address: event.from ?? null,
    action: event.action ?? null,
    target: event.target ?? null,
    session_id: event.sessionId ?? null,
    rule: event.rule ?? null,
    reason: event.reason ?? null,
    detail: toJson(event.detail),
  })
}

/** Newest first, which is the order of the ids: they begin with the time. */
export function auditQuery(database: Kysely<Database>, query: AuditQuery) {
  const { kinds, user, issuer, target, sessionId, q, from, to, limit, cursor } = query
  let select = database.selectFrom('audit_events').selectAll()
  if (kinds !== undefined) select = select.where('kind', 'in', [...kinds])
  if (user !== undefined) select = select.where('user_subject', '=', user)
  if (issuer !== undefined) select = select.where(vouchedBy(issuer))
  if (sessionId !== undefined) select = select.where('session_id', '=', sessionId)
  if (target !== undefined) select = select.where((builder) => contains(builder, ['target'], target))
  if (q !== undefined) select = select.where((builder) => contains(builder, searched, q))
  if (from !== undefined) select = select.where('id', '>=', smallestId(from.getTime()))
  if (to !== undefined) select = select.where('id', '<', smallestId(to.getTime() + 1))
  if (cursor !== undefined) select = select.where('id', '<', decodeCursor(cursor).id)
  return select.orderBy('id', 'desc').limit(limit + 1)
}

export async function listAuditEvents(
  database: Kysely<Database>,
  query: AuditQuery,
  options: SearchOptions = {},
): Promise<Page<AuditEvent>> {
  const key = keyOf(query)
  const rows = await (isFoundByIndex(query, key)
    ? auditQuery(database, query).execute()
    : search(database, query, key, options))
  return toPage(rows, query.limit, fromColumns, (row) => ({ time: row.at, id: row.id }))
}

/** What an index finds, newest first. */
interface Key {
  column: 'session_id' | 'user_subject' | 'kind'
  value: string
}

/** The index that SQLite takes when several fit is the one that was made last: it has to be the same here. */
function keyOf({ sessionId, user, kinds = [] }: AuditQuery): Key | undefined {
  if (sessionId !== undefined) return { column: 'session_id', value: sessionId }
  if (user !== undefined) return { column: 'user_subject', value: user }
  const [kind, second] = kinds
  return kind === undefined || second !== undefined ? undefined : { column: 'kind', value: kind }
}

/** Whether all that an index gives, in its order, is what is looked for. */
function isFoundByIndex(query: AuditQuery, key: Key | undefined): boolean {
  const { limit: _limit, cursor: _cursor, from: _from, to: _to, ...filters } = query
  return Object.keys(filters).length === (key === undefined ? 0 : 1)
}

async function search(
  database: Kysely<Database>,
  { cursor, ...query }: AuditQuery,
  key: Key | undefined,
  options: SearchOptions,
): Promise<Selectable<AuditEventsTable>[]> {
  const pieces: Search<Selectable<AuditEventsTable>, string> = {
    before: cursor === undefined ? undefined : decodeCursor(cursor).id,
    limit: query.limit + 1,
    isQuick: key !== undefined && query.q === undefined && query.target === undefined,
    endOfPiece: async (before, atOnce) => await endOfPiece(database, query, { key, before, atOnce }),
    read: async ({ before, last }, count) => {
      let piece = auditQuery(database, query)
      if (before !== undefined) piece = piece.where('id', '<', before)
      if (last !== undefined) piece = piece.where('id', '>=', last)
      return await piece.limit(count).execute()
    },
  }
  return await searchInPieces(pieces, options)
}

async function endOfPiece(
  database: Kysely<Database>,
  { from, to }: Pick<AuditQuery, 'from' | 'to'>,
  { key, before, atOnce }: { key: Key | undefined; before: string | undefined; atOnce: number },
): Promise<string | undefined> {
  let select = database.selectFrom('audit_events').select('id')
  if (key !== undefined) select = select.where(key.column, '=', key.value)
  if (from !== undefined) select = select.where('id', '>=', smallestId(from.getTime()))
  if (to !== undefined) select = select.where('id', '<', smallestId(to.getTime() + 1))
  if (before !== undefined) select = select.where('id', '<', before)
  const found = await select
    .orderBy('id', 'desc')
    .limit(1)
    .offset(atOnce - 1)
    .executeTakeFirst()
  return found?.id
}

const searched = [
  'target',
  'user_subject',
  'user_name',
  'session_id',
  'remote_address',
  'rule',
  'reason',
] as const

function fromColumns(row: Selectable<AuditEventsTable>): AuditEvent {
  const { user_subject: subject, user_name: name, user_issuer: issuer } = row
  return {
    id: row.id,
    at: new Date(row.at),
    kind: row.kind as AuditEvent['kind'],
    ...(subject !== null && {
      who: { subject, name: name ?? subject, ...present({ issuer }) },
    }),
    ...present({
      from: row.remote_address,
      action: row.action as AuditEvent['action'] | null,
      target: row.target,
      sessionId: row.session_id,
      rule: row.rule,
      reason: row.reason,
    }),
    ...(row.detail !== null && { detail: JSON.parse(row.detail) as NonNullable<AuditEvent['detail']> }),
  }
}
