import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { HatchwayError } from '../core/errors.ts'
import type { BreakGlass } from '../core/approval.ts'
import type { Person } from '../core/same-person.ts'
import { type EndCode, withCode } from '../core/session-end.ts'
import type { SessionEnd, SessionRow } from '../core/session.ts'
import type { Page } from '../core/page.ts'
import type { SessionChange, SessionQuery, VersionedSession } from '../core/session-store.ts'
import type { PodPick } from '../core/vocabulary.ts'
import { WriteConflict } from '../core/write-conflict.ts'
import { readApproval, readBreakGlass } from './approval-json.ts'
import { present, toJson } from './json-column.ts'
import { decodeCursor, toPage } from './list-query.ts'
import type { SearchOptions } from './search-in-pieces.ts'
import { positionOf, searchSessions } from './session-search.ts'
import type { Database, SessionsTable } from './tables.ts'

export function insertSession(database: Kysely<Database>, row: SessionRow) {
  const { id, ...change } = row
  const columns = { id, ...toColumns(change), version: 1 } as Insertable<SessionsTable>
  return database.insertInto('sessions').values(columns)
}

/** Changes no row when there is none, or none of this version. */
export function updateSession(
  database: Kysely<Database>,
  id: string,
  change: SessionChange,
  version: number | undefined,
) {
  const columns = { ...toColumns(change), version: sql<number>`version + 1` }
  const update = database.updateTable('sessions').set(columns).where('id', '=', id)
  return version === undefined ? update : update.where('version', '=', version)
}

/** Why {@link updateSession} changed no row. */
export async function missedUpdate(
  database: Kysely<Database>,
  id: string,
  version: number | undefined,
): Promise<Error> {
  const found = version === undefined ? undefined : await findSession(database, id)
  if (found !== undefined)
    return new WriteConflict(
      'version',
      `Session ${id} has version ${found.version} by now, and was to be changed from version ${version}.`,
    )
  return new HatchwayError('session_not_found', `There is no session ${JSON.stringify(id.slice(0, 128))}.`)
}

export async function findSession(
  database: Kysely<Database>,
  id: string,
): Promise<VersionedSession | undefined> {
  const columns = await database.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst()
  return columns && { row: fromColumns(columns), version: columns.version }
}

export async function listSessions(
  database: Kysely<Database>,
  query: SessionQuery,
  options: SearchOptions = {},
): Promise<Page<SessionRow>> {
  const { limit, cursor } = query
  const before = cursor === undefined ? undefined : decodeCursor(cursor)
  const rows = await searchSessions(database, query, before, options)
  return toPage(rows, limit, fromColumns, positionOf)
}

function toColumns(row: SessionChange): Updateable<SessionsTable> {
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
      kind: row.kind,
      detail: toJson(row.detail),
      state: row.state,
      toolbox: row.toolbox,
      profile: row.profile,
      command: row.command === undefined ? undefined : JSON.stringify(row.command),
      pick: row.pick,
      copy: row.copy === undefined ? undefined : Number(row.copy),
      network_only: row.networkOnly === undefined ? undefined : Number(row.networkOnly),
      process: row.process,
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
    kind: row.kind as SessionRow['kind'],
    detail: JSON.parse(row.detail ?? '{}') as SessionRow['detail'],
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
    ...(row.exclusive === 1 && { exclusive: true }),
    ...(row.approval !== null && { approval: readApproval(row.approval) }),
    ...(row.break_glass !== null && { breakGlass: readBreakGlass(row.break_glass) }),
    ...present({ reason: row.reason, ticket: row.ticket, process: row.process }),
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
