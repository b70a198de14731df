import type { Insertable, Kysely, Selectable, Updateable } from 'kysely'
import { sql, type SqlBool } from 'kysely'
import { HatchwayError } from '../core/errors.ts'
import type { BreakGlass } from '../core/approval.ts'
import type { Person } from '../core/same-person.ts'
import { type EndCode, withCode } from '../core/session-end.ts'
import type { SessionEnd, SessionRow } from '../core/session.ts'
import type { Page, SessionQuery } from '../core/store.ts'
import type { PodPick } from '../core/target.ts'
import { readApproval, readBreakGlass } from './approval-json.ts'
import { present, toJson } from './json-column.ts'
import { contains, decodeCursor, toPage, vouchedBy, type Position } from './list-query.ts'
import { searchedAtOnce, searchInPieces } from './search-in-pieces.ts'
import { isWithin } from './session-places.ts'
import type { Database, SessionsTable } from './tables.ts'

type Change = Partial<Omit<SessionRow, 'id'>>

export async function insertSession(database: Kysely<Database>, row: SessionRow): Promise<void> {
  const { id, ...change } = row
  const columns = { id, ...toColumns(change) } as Insertable<SessionsTable>
  await database.insertInto('sessions').values(columns).execute()
}

/** Throws `session_not_found`. */
export async function updateSession(database: Kysely<Database>, id: string, change: Change): Promise<void> {
  const columns = toColumns(change)
  if (Object.keys(columns).length === 0) {
    if ((await findSession(database, id)) === undefined) throw notFound(id)
    return
  }
  const result = await database.updateTable('sessions').set(columns).where('id', '=', id).executeTakeFirst()
  if (result.numUpdatedRows === 0n) throw notFound(id)
}

export async function findSession(database: Kysely<Database>, id: string): Promise<SessionRow | undefined> {
  const columns = await database.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst()
  return columns === undefined ? undefined : fromColumns(columns)
}

export async function listSessions(
  database: Kysely<Database>,
  query: SessionQuery,
  atOnce = searchedAtOnce,
): Promise<Page<SessionRow>> {
  const { limit, cursor } = query
  const before = cursor === undefined ? undefined : decodeCursor(cursor)
  const isSearch = query.q !== undefined || query.target !== undefined
  const rows = await (isSearch
    ? search(database, query, before, atOnce)
    : sessionQuery(database, query, before)
        .limit(limit + 1)
        .execute())
  return toPage(rows, limit, fromColumns, positionOf)
}

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

async function search(
  database: Kysely<Database>,
  query: SessionQuery,
  before: Position | undefined,
  atOnce: number,
): Promise<Selectable<SessionsTable>[]> {
  const { from, to, limit } = query
  return await searchInPieces<Selectable<SessionsTable>, Position>({
    before,
    limit: limit + 1,
    endOfPiece: async (start) => {
      let select = database.selectFrom('sessions').select(['requested_at', 'id'])
      if (from !== undefined) select = select.where('requested_at', '>=', from.getTime())
      if (to !== undefined) select = select.where('requested_at', '<=', to.getTime())
      if (start !== undefined) select = select.where(isAt('<', start))
      const ordered = select.orderBy('requested_at', 'desc').orderBy('id', 'desc')
      const found = await ordered
        .limit(1)
        .offset(atOnce - 1)
        .executeTakeFirst()
      return found && positionOf(found)
    },
    read: async (piece, count) => {
      const select = sessionQuery(database, query, piece.before)
      return await (piece.last === undefined ? select : select.where(isAt('>=', piece.last)))
        .limit(count)
        .execute()
    },
  })
}

const positionOf = (row: { requested_at: number; id: string }): Position => ({
  time: row.requested_at,
  id: row.id,
})

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

function toColumns(row: Change): Updateable<SessionsTable> {
  const { target, user, requestedAt, startedAt, endedAt, deadline } = row
  return {
    ...(target && {
      target_ref: target.ref,
      target_name: target.name,
      target_environment: target.environment,
      target_namespace: target.namespace ?? null,
      target_image: target.image,
      target_labels: JSON.stringify(target.labels),
      target_resolved: JSON.stringify(target.resolved),
      target_names: target.names === undefined ? null : JSON.stringify(target.names),
    }),
    ...(user && {
      user_subject: user.subject,
      user_name: user.name,
      user_groups: JSON.stringify(user.groups),
      user_issuer: user.issuer ?? null,
      user_account: user.account ?? null,
    }),
    ...present({
      state: row.state,
      toolbox: row.toolbox,
      profile: row.profile,
      command: row.command === undefined ? undefined : JSON.stringify(row.command),
      cwd: row.cwd,
      pick: row.pick,
      copy: row.copy === undefined ? undefined : Number(row.copy),
      network_only: row.networkOnly === undefined ? undefined : Number(row.networkOnly),
      process: row.process,
      run: row.run === undefined ? undefined : Number(row.run),
      identity: toJson(row.identity),
      reason: row.reason,
      ticket: row.ticket,
      size: toJson(row.size),
      requested_at: requestedAt?.getTime(),
      started_at: startedAt?.getTime(),
      ended_at: endedAt?.getTime(),
      ending: toJson(row.end),
      deadline: deadline?.getTime(),
      idle_timeout_ms: row.idleTimeoutMs,
      record_input: row.recordInput === undefined ? undefined : Number(row.recordInput),
      exclusive: row.exclusive === undefined ? undefined : Number(row.exclusive),
      recording_mode: row.recordingMode,
      rules: row.rules === undefined ? undefined : JSON.stringify(row.rules),
      approval: toJson(row.approval),
      break_glass: toJson(row.breakGlass),
      review: reviewOf(row.breakGlass),
      container: toJson(row.container),
      recording: toJson(row.recording),
    }),
  }
}

function reviewOf(breakGlass: BreakGlass | undefined): 'outstanding' | 'done' | undefined {
  if (breakGlass === undefined) return undefined
  return breakGlass.review === undefined ? 'outstanding' : 'done'
}

function fromColumns(row: Selectable<SessionsTable>): SessionRow {
  return {
    id: row.id,
    state: row.state as SessionRow['state'],
    target: {
      ref: row.target_ref,
      name: row.target_name,
      environment: row.target_environment,
      ...present({ namespace: row.target_namespace }),
      image: row.target_image,
      labels: JSON.parse(row.target_labels),
      ...(row.target_names !== null && { names: JSON.parse(row.target_names) as string[] }),
      resolved: JSON.parse(row.target_resolved),
    },
    user: {
      subject: row.user_subject,
      name: row.user_name,
      groups: JSON.parse(row.user_groups ?? '[]'),
      ...present({ issuer: row.user_issuer, account: row.user_account }),
    },
    toolbox: row.toolbox,
    profile: row.profile as SessionRow['profile'],
    size: JSON.parse(row.size),
    requestedAt: new Date(row.requested_at),
    deadline: new Date(row.deadline),
    idleTimeoutMs: row.idle_timeout_ms,
    recordInput: row.record_input === 1,
    recordingMode: row.recording_mode as SessionRow['recordingMode'],
    rules: JSON.parse(row.rules),
    ...(row.command !== null && { command: JSON.parse(row.command) as string[] }),
    ...(row.pick !== null && { pick: row.pick as PodPick }),
    ...(row.copy === 1 && { copy: true }),
    ...(row.network_only === 1 && { networkOnly: true }),
    ...(row.run === 1 && { run: true }),
    ...(row.exclusive === 1 && { exclusive: true }),
    ...(row.approval !== null && { approval: readApproval(row.approval) }),
    ...(row.break_glass !== null && { breakGlass: readBreakGlass(row.break_glass) }),
    ...present({ reason: row.reason, ticket: row.ticket, cwd: row.cwd, process: row.process }),
    ...(row.started_at !== null && { startedAt: new Date(row.started_at) }),
    ...(row.ended_at !== null && { endedAt: new Date(row.ended_at) }),
    ...(row.identity !== null && {
      identity: JSON.parse(row.identity) as NonNullable<SessionRow['identity']>,
    }),
    ...(row.ending !== null && { end: readEnd(row.ending) }),
    ...(row.container !== null && {
      container: JSON.parse(row.container) as NonNullable<SessionRow['container']>,
    }),
    ...(row.recording !== null && {
      recording: JSON.parse(row.recording) as NonNullable<SessionRow['recording']>,
    }),
  }
}

/** Until people were kept whole, an end had only the name that somebody had chosen for themselves: nobody's subject. */
function readEnd(text: string): NonNullable<SessionRow['end']> {
  const stored = JSON.parse(text) as Omit<SessionEnd, 'by' | 'code'> & {
    code?: EndCode
    by?: Person | string
  }
  const { by, ...rest } = stored
  const end = withCode(rest)
  if (by === undefined) return end
  return { ...end, by: typeof by === 'string' ? { subject: '', name: by } : by }
}

function notFound(id: string): HatchwayError {
  return new HatchwayError('session_not_found', `There is no session ${JSON.stringify(id.slice(0, 128))}.`)
}
