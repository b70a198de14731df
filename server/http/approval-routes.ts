import type { ApprovalCases } from '../gateway/approvals.ts'
import { approvalList, session } from '../protocol/session-api.ts'
import { decideSession, reviewSession } from '../protocol/approval-api.ts'
import { toApiSession } from './api-session.ts'
import { callerOf } from './authenticate.ts'
import { problems } from './openapi.ts'
import { sessionParams } from './session-routes.ts'
import type { TypedApp } from './typed-app.ts'

export function registerApprovalRoutes(app: TypedApp, approvals: ApprovalCases): void {
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
    async (request) => toApiSession(await approvals.vote(callerOf(request), request.params.id, request.body)),
  )

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
    async (request) =>
      toApiSession(await approvals.review(callerOf(request), request.params.id, request.body)),
  )

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
      const { requests, reviews } = await approvals.list(callerOf(request))
      return { requests: requests.map(toApiSession), reviews: reviews.map(toApiSession) }
    },
  )
}
