import { type Kysely, type Selectable, sql, type SqlBool } from 'kysely'
import type { SessionQuery } from '../core/session-store.ts'
import { contains, type Position, vouchedBy } from './list-query.ts'
import { searchInPieces, type SearchOptions } from './search-in-pieces.ts'
import { isWithin } from './session-places.ts'
import type { Database, SessionsTable } from './tables.ts'

/** What an index finds, newest first. */
interface Key {
  column: 'review' | 'user_subject' | 'state'
  value: string
}

/**
 * Rows that fit, newest first: one more than the limit, where there are as many. No statement looks through more rows than a piece
 * has for each key.
 */
export async function searchSessions(
  database: Kysely<Database>,
  query: SessionQuery,
  before: Position | undefined,
  options: SearchOptions,
): Promise<Selectable<SessionsTable>[]> {
  const limit = query.limit + 1
  const keys = keysOf(query)
  if (isFoundByIndex(query, keys)) return await sessionQuery(database, query, before).limit(limit).execute()
  const search = {
    before,
    limit,
    isQuick: isQuick(query, keys),
    endOfPiece: async (start: Position | undefined, atOnce: number) => {
      const among = keys.length === 0 ? [undefined] : keys
      const ends = among.map(async (key) => await endOfPiece(database, query, { key, start, atOnce }))
      return newest(await Promise.all(ends))
    },
    read: async (piece: { before: Position | undefined; last: Position | undefined }, count: number) => {
      const select = sessionQuery(database, query, piece.before)
      return await (piece.last === undefined ? select : select.where(isAt('>=', piece.last)))
        .limit(count)
        .execute()
    },
  }
  return await searchInPieces<Selectable<SessionsTable>, Position>(search, options)
}

export const positionOf = (row: { requested_at: number; id: string }): Position => ({
  time: row.requested_at,
  id: row.id,
})

/** Newest first. */
function sessionQuery(database: Kysely<Database>, query: SessionQuery, before: Position | undefined) {
  const { states, user, issuer, review, within, unsealed, target, q, from, to } = query
  let select = database.selectFrom('sessions').selectAll()
  if (states !== undefined) select = select.where('state', 'in', [...states])
  if (user !== undefined) select = select.where('user_subject', '=', user)
  if (issuer !== undefined) select = select.where(vouchedBy(issuer))
  if (review !== undefined) select = select.where('review', '=', review)
  if (within !== undefined) select = select.where(isWithin(within))
  if (unsealed === true)
    select = select
      .where('state', '=', 'ended')
      .where('started_at', 'is not', null)
      .where('recording', 'is', null)
  if (target !== undefined) select = select.where((builder) => contains(builder, ['target_ref'], target))
  if (q !== undefined) select = select.where((builder) => contains(builder, searched, q))
  if (from !== undefined) select = select.where('requested_at', '>=', from.getTime())
  if (to !== undefined) select = select.where('requested_at', '<=', to.getTime())
  if (before !== undefined) select = select.where(isAt('<', before))
  return select.orderBy('requested_at', 'desc').orderBy('id', 'desc')
}

/** The index that SQLite takes when several fit is the one that was made last: it has to be the same here. */
function keysOf({ review, user, within, states = [] }: SessionQuery): Key[] {
  if (review !== undefined) return [{ column: 'review', value: review }]
  // Whoever may see nobody else's sessions is the usual case.
  const own = within?.places.length === 0 ? within.own.subject : undefined
  const subject = user ?? own
  if (subject !== undefined) return [{ column: 'user_subject', value: subject }]
  return states.map((value) => ({ column: 'state', value }))
}

/** Whether all that an index gives, in its order, is what is looked for. */
function isFoundByIndex(query: SessionQuery, keys: readonly Key[]): boolean {
  const { limit: _limit, cursor: _cursor, from: _from, to: _to, ...filters } = query
  return filters.within === undefined && keys.length <= 1 && Object.keys(filters).length === keys.length
}

function isQuick({ q, target, within }: SessionQuery, keys: readonly Key[]): boolean {
  return keys.length > 0 && q === undefined && target === undefined && (within?.places.length ?? 0) === 0
}

async function endOfPiece(
  database: Kysely<Database>,
  { from, to }: SessionQuery,
  { key, start, atOnce }: { key: Key | undefined; start: Position | undefined; atOnce: number },
): Promise<Position | undefined> {
  let select = database.selectFrom('sessions').select(['requested_at', 'id'])
  if (key !== undefined) select = select.where(key.column, '=', key.value)
  if (from !== undefined) select = select.where('requested_at', '>=', from.getTime())
  if (to !== undefined) select = select.where('requested_at', '<=', to.getTime())
  if (start !== undefined) select = select.where(isAt('<', start))
  const ordered = select.orderBy('requested_at', 'desc').orderBy('id', 'desc')
  const found = await ordered
    .limit(1)
    .offset(atOnce - 1)
    .executeTakeFirst()
  return found && positionOf(found)
}

function newest(positions: readonly (Position | undefined)[]): Position | undefined {
  let found: Position | undefined
  for (const position of positions) {
    if (position !== undefined && (found === undefined || isNewer(position, found))) found = position
  }
  return found
}

// As SQLite compares texts: by their bytes, which for ids is the order of their characters.
function isNewer(a: Position, b: Position): boolean {
  return a.time === b.time ? a.id > b.id : a.time > b.time
}

const isAt = (how: '<' | '>=', { time, id }: Position) =>
  sql<SqlBool>`(requested_at, id) ${sql.raw(how)} (${time}, ${id})`

const searched = [
  'target_ref',
  'target_name',
  'target_image',
  'user_subject',
  'user_name',
  'reason',
  'ticket',
] as const
