import type { Kysely, Selectable } from 'kysely'
import type { AuditEvent } from '../core/session.ts'
import type { AuditQuery, Page } from '../core/store.ts'
import { smallestId } from './audit-id.ts'
import { present, toJson } from './json-column.ts'
import { contains, decodeCursor, toPage, vouchedBy } from './list-query.ts'
import { searchedAtOnce, searchInPieces } from './search-in-pieces.ts'
import type { AuditEventsTable, Database } from './tables.ts'

export async function insertAuditEvent(database: Kysely<Database>, event: AuditEvent): Promise<void> {
  await database
    .insertInto('audit_events')
    .values({
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
    .execute()
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
  atOnce = searchedAtOnce,
): Promise<Page<AuditEvent>> {
  const isSearch = query.q !== undefined || query.target !== undefined
  const rows = await (isSearch ? search(database, query, atOnce) : auditQuery(database, query).execute())
  return toPage(rows, query.limit, fromColumns, (row) => ({ time: row.at, id: row.id }))
}

async function search(
  database: Kysely<Database>,
  { cursor, ...query }: AuditQuery,
  atOnce: number,
): Promise<Selectable<AuditEventsTable>[]> {
  return await searchInPieces<Selectable<AuditEventsTable>, string>({
    before: cursor === undefined ? undefined : decodeCursor(cursor).id,
    limit: query.limit + 1,
    endOfPiece: async (before) => await endOfPiece(database, query, before, atOnce),
    read: async ({ before, last }, count) => {
      let piece = auditQuery(database, query)
      if (before !== undefined) piece = piece.where('id', '<', before)
      if (last !== undefined) piece = piece.where('id', '>=', last)
      return await piece.limit(count).execute()
    },
  })
}

async function endOfPiece(
  database: Kysely<Database>,
  { from, to }: Pick<AuditQuery, 'from' | 'to'>,
  before: string | undefined,
  atOnce: number,
): Promise<string | undefined> {
  let select = database.selectFrom('audit_events').select('id')
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
