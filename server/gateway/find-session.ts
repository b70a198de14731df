import type { Action, Principal } from '../core/policy.ts'
import type { LiveState, SessionRow } from '../core/session.ts'
import type { Session } from '../protocol/session-api.ts'
import { HatchwayError } from '../core/errors.ts'
import { toApiSession } from '../http/api-session.ts'
import { type Caller } from '../http/authenticate.ts'
import type { AppDeps } from '../http/deps.ts'
import { auditDenied, sessionNotFound, sessionRights } from './permissions.ts'
import type { SessionRights } from './permissions.ts'

type SessionDeps = Pick<AppDeps, 'policy' | 'sessions' | 'store'>

/** A session that the caller may know of. Throws `session_not_found`, also for one that they may not know of. */
export async function findSession(
  deps: SessionDeps,
  caller: Caller,
  id: string,
): Promise<{ row: SessionRow; rights: SessionRights }> {
  const row = newerRow(deps, id) ?? (await deps.store.getSession(id))
  const rights = row === undefined ? undefined : sessionRights(deps.policy(), caller.who, row)
  if (row === undefined || rights?.see !== true) throw sessionNotFound(id)
  return { row, rights }
}

/** The session's live state is newer than its row. */
export function describeSession(deps: SessionDeps, who: Principal, row: SessionRow): Session {
  const known = newerRow(deps, row.id) ?? row
  // Until it is sealed, the recording of a session that is over is read as a live one.
  const unsealed = deps.sessions.ended(row.id)?.startedAt === undefined ? undefined : { viewers: [] }
  const state: LiveState | undefined = deps.sessions.live(row.id)?.state ?? unsealed
  return toApiSession(known, state, deps.policy(), who)
}

/** What this process knows of a session, which the store may not say yet. */
export function newerRow({ sessions }: Pick<AppDeps, 'sessions'>, id: string): SessionRow | undefined {
  return sessions.live(id)?.row ?? sessions.ended(id)
}

/** Writes the audit event, then throws `forbidden`. */
export async function refuseSession(
  deps: SessionDeps,
  caller: Caller,
  row: SessionRow,
  action: Action,
): Promise<never> {
  await auditDenied(deps.store, { caller, action, target: row.target.ref, sessionId: row.id })
  throw new HatchwayError(
    'forbidden',
    `Policy does not allow you to ${phrases[action] ?? action} this session.`,
  )
}

const phrases: Partial<Record<Action, string>> = {
  'read-recording': 'read the recording of',
  open: 'control',
}

export function sessionEnded(): HatchwayError {
  return new HatchwayError('session_ended', 'The session has ended. Its recording may be replayed.')
}
