import type { AuditTrail } from '../core/audit-trail.ts'
import { HatchwayError } from '../core/errors.ts'
import type { Policy, Principal } from '../core/policy.ts'
import type { Action } from '../core/vocabulary.ts'
import type { LiveState, SessionRow } from '../core/session.ts'
import type { SessionStore } from '../core/session-store.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { auditDenied } from './audit-trail.ts'
import type { Caller } from './caller.ts'
import { sessionNotFound, sessionRights, type SessionRights } from './permissions.ts'

export interface FindSessionDeps {
  policy: () => Policy
  sessions: Pick<Sessions, 'live' | 'ended'>
  store: Pick<SessionStore, 'getSession'>
}

/** A session as one caller may see it, with what policy lets them do with it now. */
export interface SessionView {
  row: SessionRow
  /** Absent once it is over and its recording is sealed. */
  live: LiveState | undefined
  rights: SessionRights
}

/** A session that the caller may know of. Throws `session_not_found`, also for one that they may not know of. */
export async function findSession(
  deps: FindSessionDeps,
  { who }: Pick<Caller, 'who'>,
  id: string,
): Promise<{ row: SessionRow; rights: SessionRights }> {
  const row = newerRow(deps, id) ?? (await deps.store.getSession(id))
  const rights = row === undefined ? undefined : sessionRights(deps.policy(), who, row)
  if (row === undefined || rights?.see !== true) throw sessionNotFound(id)
  return { row, rights }
}

/** The session's live state is newer than its row. */
export function viewSession(
  deps: Pick<FindSessionDeps, 'policy' | 'sessions'>,
  who: Principal,
  row: SessionRow,
): SessionView {
  const known = newerRow(deps, row.id) ?? row
  // Until it is sealed, the recording of a session that is over is read as a live one.
  const unsealed = deps.sessions.ended(row.id)?.startedAt === undefined ? undefined : { viewers: [] }
  const live: LiveState | undefined = deps.sessions.live(row.id)?.state ?? unsealed
  return { row: known, live, rights: sessionRights(deps.policy(), who, known) }
}

/** What this process knows of a session, which the store may not say yet. */
function newerRow({ sessions }: Pick<FindSessionDeps, 'sessions'>, id: string): SessionRow | undefined {
  return sessions.live(id)?.row ?? sessions.ended(id)
}

/** Writes the audit event, then throws `forbidden`. */
export async function refuseSession(
  audit: AuditTrail,
  caller: Caller,
  row: SessionRow,
  action: Action,
): Promise<never> {
  await auditDenied(audit, { caller, action, target: row.target.ref, sessionId: row.id })
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
