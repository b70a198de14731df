/** What waits for other people's word, and what they say. Who may say it is judged by `Approvals`. */
import type { ReviewVerdict } from '../core/vocabulary.ts'
import type { SessionRow } from '../core/session.ts'
import type { SessionQuery, SessionStore } from '../core/session-store.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { Approvals } from '../sessions/sessions.ts'
import type { Caller } from './caller.ts'
import { findSession, viewSession, type FindSessionDeps, type SessionView } from './find-session.ts'
import { nonBlank } from './non-blank.ts'
import { sessionRights, type SessionRights } from './permissions.ts'

const maxListed = 100
/** Pages of the store that one list may take to be filled: policy hides what is between. */
const maxPages = 10

export interface ApprovalCasesDeps extends FindSessionDeps {
  store: Pick<SessionStore, 'getSession' | 'listSessions'>
  approvals: Pick<Approvals, 'decide' | 'review'>
}

export interface VoteInput {
  decision: 'approve' | 'deny'
  /** Blanks say nothing. */
  reason?: string | undefined
}

export interface ReviewInput {
  verdict: ReviewVerdict
  reason: string
}

export interface ApprovalCases {
  /** Requests that the caller may decide on, and break-glass sessions that they may review. */
  list(caller: Caller): Promise<{ requests: SessionView[]; reviews: SessionView[] }>
  /** Approves or denies. The last approval that is needed starts the session. */
  vote(caller: Caller, id: string, input: VoteInput): Promise<SessionView>
  review(caller: Caller, id: string, input: ReviewInput): Promise<SessionView>
}

export function createApprovalCases(deps: ApprovalCasesDeps): ApprovalCases {
  const { approvals } = deps
  return {
    async list(caller) {
      const [requests, reviews] = await Promise.all([
        listFor(deps, caller, { states: ['pending-approval'] }, (rights) => rights.vote),
        listFor(deps, caller, { review: 'outstanding' }, (rights) => rights.review),
      ])
      return { requests, reviews }
    },
    async vote(caller, id, { decision, reason }) {
      const { row } = await findSession(deps, caller, id)
      const { who, from } = caller
      const vote = withoutUndefined({ who, from, decision, reason: nonBlank(reason) })
      return viewSession(deps, who, await approvals.decide(row.id, vote))
    },
    async review(caller, id, { verdict, reason }) {
      const { row } = await findSession(deps, caller, id)
      const { who, from } = caller
      return viewSession(deps, who, await approvals.review(row.id, { who, from, verdict, reason }))
    },
  }
}

async function listFor(
  deps: ApprovalCasesDeps,
  { who }: Caller,
  query: Pick<SessionQuery, 'states' | 'review'>,
  wanted: (rights: SessionRights) => boolean,
): Promise<SessionView[]> {
  const rows: SessionRow[] = []
  let cursor: string | undefined
  for (let page = 0; page < maxPages && rows.length < maxListed; page++) {
    const found = await deps.store.listSessions(withoutUndefined({ ...query, limit: maxListed, cursor }))
    const known = found.items.map((row) => deps.sessions.ended(row.id) ?? row)
    rows.push(...known.filter((row) => wanted(sessionRights(deps.policy(), who, row))))
    cursor = found.next
    if (cursor === undefined) break
  }
  return rows.slice(0, maxListed).map((row) => viewSession(deps, who, row))
}
