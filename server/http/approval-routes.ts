/** What waits for other people's word, and what they say. Who may say it is judged by `Approvals`. */
import type { SessionRow } from '../core/session.ts'
import type { SessionQuery } from '../core/session-store.ts'
import { approvalList, session } from '../protocol/session-api.ts'
import { decideSession, reviewSession } from '../protocol/approval-api.ts'
import { callerOf, type Caller } from './authenticate.ts'
import type { AppDeps } from './deps.ts'
import { defined } from '../core/without-undefined.ts'
import { describeSession, findSession } from '../gateway/find-session.ts'
import { problems } from './openapi.ts'
import { sessionRights, type SessionRights } from '../gateway/permissions.ts'
import { said } from '../gateway/non-blank.ts'
import { sessionParams } from './session-routes.ts'
import type { TypedApp } from './typed-app.ts'

const maxListed = 100
/** Pages of the store that one list may take to be filled: policy hides what is between. */
const maxPages = 10

export function registerApprovalRoutes(app: TypedApp, deps: AppDeps): void {
  registerDecision(app, deps)
  registerReview(app, deps)
  app.get(
    '/api/v1/approvals',
    {
      schema: {
        operationId: 'listApprovals',
        summary: 'What waits for the caller: requests to decide on, break-glass sessions to review',
        response: { 200: approvalList, ...problems(401, 403, 429, 503) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const [requests, reviews] = await Promise.all([
        listFor(deps, caller, { states: ['pending-approval'] }, (rights) => rights.decide),
        listFor(deps, caller, { review: 'outstanding' }, (rights) => rights.review),
      ])
      return { requests, reviews }
    },
  )
}

function registerDecision(app: TypedApp, deps: AppDeps): void {
  app.post(
    '/api/v1/sessions/:id/decision',
    {
      schema: {
        operationId: 'decideSession',
        summary: 'Approve or deny a session that waits; it starts with the last approval that is needed',
        params: sessionParams,
        body: decideSession,
        response: { 200: session, ...problems(400, 401, 403, 404, 409, 429, 503) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { row } = await findSession(deps, caller, request.params.id)
      const { decision, reason } = request.body
      const act = defined({ who: caller.who, from: caller.from, decision, reason: said(reason) })
      return describeSession(deps, caller.who, await deps.approvals.decide(row.id, act))
    },
  )
}

function registerReview(app: TypedApp, deps: AppDeps): void {
  app.post(
    '/api/v1/sessions/:id/review',
    {
      schema: {
        operationId: 'reviewSession',
        summary: 'Say of a break-glass session, after its end, whether it was justified',
        params: sessionParams,
        body: reviewSession,
        response: { 200: session, ...problems(400, 401, 403, 404, 409, 429, 503) },
      },
    },
    async (request) => {
      const { who, from } = callerOf(request)
      const { row } = await findSession(deps, callerOf(request), request.params.id)
      return describeSession(deps, who, await deps.approvals.review(row.id, { who, from, ...request.body }))
    },
  )
}

async function listFor(
  deps: AppDeps,
  { who }: Caller,
  query: Pick<SessionQuery, 'states' | 'review'>,
  wanted: (rights: SessionRights) => boolean,
) {
  const rows: SessionRow[] = []
  let cursor: string | undefined
  for (let page = 0; page < maxPages && rows.length < maxListed; page++) {
    const found = await deps.store.listSessions(defined({ ...query, limit: maxListed, cursor }))
    const known = found.items.map((row) => deps.sessions.ended(row.id) ?? row)
    rows.push(...known.filter((row) => wanted(sessionRights(deps.policy(), who, row))))
    cursor = found.next
    if (cursor === undefined) break
  }
  return rows.slice(0, maxListed).map((row) => describeSession(deps, who, row))
}
