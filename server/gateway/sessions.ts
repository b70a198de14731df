/** What callers do with sessions: ask for them, look at them, join and end them. */
import type { AuditTrail } from '../core/audit-trail.ts'
import { HatchwayError } from '../core/errors.ts'
import type { PolicyTarget, Principal } from '../core/policy.ts'
import type { Runbook } from '../core/runbook.ts'
import { policyTargetOfSession } from '../core/session-policy.ts'
import { type SessionRow } from '../core/session.ts'
import { sessionStates } from '../core/vocabulary.ts'
import type { SessionQuery, SessionStore } from '../core/session-store.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { LiveSession, RunOutcome, Sessions } from '../sessions/sessions.ts'
import type { Caller } from './caller.ts'
import {
  findSession,
  refuseSession,
  sessionEnded,
  viewSession,
  type FindSessionDeps,
  type SessionView,
} from './find-session.ts'
import { knownWords } from './known-words.ts'
import {
  openSession,
  runCommand,
  type OpenInput,
  type OpenSessionDeps,
  type RunInput,
} from './open-session.ts'
import { sessionRights, type SessionRights } from './permissions.ts'
import type { PersonBudgets } from './person-budgets.ts'
import { personQuery } from './person-query.ts'
import { listVisibleSessions, mapInTurns } from './visible-sessions.ts'

export interface SessionCasesDeps extends OpenSessionDeps, FindSessionDeps {
  sessions: Sessions
  store: Pick<SessionStore, 'getSession' | 'listSessions'>
  audit: AuditTrail
  budgets: PersonBudgets
  /** Those for a target. */
  runbooks: (target: PolicyTarget) => readonly Runbook[]
}

export interface SessionListInput extends Omit<SessionQuery, 'states' | 'within' | 'unsealed'> {
  /** Unchecked words. */
  states?: readonly string[]
}

/** A terminal that may be joined. */
export interface Admission {
  live: LiveSession
  mayControl: boolean
}

export interface SessionCases {
  /** Throws as policy and target say; what is refused is in the audit log before that. */
  open(caller: Caller, input: OpenInput, signal: AbortSignal): Promise<SessionView>
  /** Resolves when the command has ended, or with the session that waits for an approval. */
  run(caller: Caller, input: RunInput, signal: AbortSignal): Promise<RunOutcome | SessionView>
  get(caller: Caller, id: string): Promise<SessionView>
  /** Newest first, as far as the caller may know of them. Ends when `signal` does. */
  list(
    caller: Caller,
    input: SessionListInput,
    signal: AbortSignal,
  ): Promise<{ items: SessionView[]; next?: string }>
  terminate(caller: Caller, id: string, reason: string | undefined): Promise<SessionView>
  /** What helps in a session, for those who may see what happens in it. */
  runbooks(caller: Caller, id: string): Promise<readonly Runbook[]>
  /** A session whose terminal the caller may watch, or control. Throws `forbidden`, audited, and `session_ended`. */
  joinable(caller: Caller, id: string): Promise<SessionRow>
  /** The same, of this process. Throws `session_not_ready` where another has it, or none yet. */
  admit(caller: Caller, id: string): Promise<Admission>
  /** By the policy in force now. */
  rights(who: Principal, row: SessionRow): SessionRights
  view(who: Principal, row: SessionRow): SessionView
}

export function createSessionCases(deps: SessionCasesDeps): SessionCases {
  const { audit, budgets, sessions } = deps
  const view = (who: Principal, row: SessionRow) => viewSession(deps, who, row)
  const watchable = async (caller: Caller, id: string) => {
    const { row, rights } = await findSession(deps, caller, id)
    if (!rights.watch && !rights.control) return await refuseSession(audit, caller, row, 'watch')
    return { row, rights }
  }
  const joinable = async (caller: Caller, id: string) => {
    const found = await watchable(caller, id)
    if (found.row.state === 'ended') throw sessionEnded()
    return found
  }
  return {
    async open(caller, input, signal) {
      budgets.openings.spend(caller.who)
      return view(caller.who, await openSession(deps, caller, input, signal))
    },
    async run(caller, input, signal) {
      budgets.runs.spend(caller.who)
      const done = await runCommand(deps, caller, input, signal)
      return 'stdout' in done ? done : view(caller.who, done)
    },
    get: async (caller, id) => view(caller.who, (await findSession(deps, caller, id)).row),
    list: (caller, input, signal) => list(deps, caller, input, signal),
    async terminate(caller, id, reason) {
      const { row, rights } = await findSession(deps, caller, id)
      if (!rights.terminate) return await refuseSession(audit, caller, row, 'terminate')
      const { who, from } = caller
      return view(who, await sessions.terminate(row.id, withoutUndefined({ who, from, reason })))
    },
    runbooks: async (caller, id) => deps.runbooks(policyTargetOfSession((await watchable(caller, id)).row)),
    joinable: async (caller, id) => (await joinable(caller, id)).row,
    async admit(caller, id) {
      const { rights } = await joinable(caller, id)
      const live = sessions.live(id)
      if (live !== undefined) return { live, mayControl: rights.control }
      throw new HatchwayError(
        'session_not_ready',
        'The session is not attached to this gateway yet. Try again in a second.',
      )
    },
    rights: (who, row) => sessionRights(deps.policy(), who, row),
    view,
  }
}

async function list(
  deps: SessionCasesDeps,
  { who }: Caller,
  { states, user, issuer, ...rest }: SessionListInput,
  signal: AbortSignal,
): ReturnType<SessionCases['list']> {
  const query = withoutUndefined({
    ...rest,
    states: states && knownWords('state', states, sessionStates),
    ...personQuery(who, { user, issuer }),
  })
  const spend = () => deps.budgets.listPages.spend(who)
  const { items, next } = await listVisibleSessions(deps, who, query, spend, signal)
  return withoutUndefined({ items: await mapInTurns(items, (row) => viewSession(deps, who, row)), next })
}
