import { policyTargetOfSession } from '../core/session-policy.ts'
import { runbookList } from '../protocol/runbook-api.ts'
import { describeRunbook } from './api-runbook.ts'
import { callerOf } from './authenticate.ts'
import type { AppDeps } from './deps.ts'
import { findSession, refuseSession } from '../gateway/find-session.ts'
import { problems } from './openapi.ts'
import { sessionParams } from './session-routes.ts'
import type { TypedApp } from './typed-app.ts'

/** What helps in a session, for those who may see what happens in it. */
export function registerRunbookRoutes(app: TypedApp, deps: AppDeps): void {
  app.get(
    '/api/v1/sessions/:id/runbooks',
    {
      schema: {
        operationId: 'listSessionRunbooks',
        summary: "The runbooks for a session's target",
        params: sessionParams,
        response: { 200: runbookList, ...problems(401, 403, 404, 429, 503) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { row, rights } = await findSession(deps, caller, request.params.id)
      if (!rights.watch && !rights.control) return await refuseSession(deps, caller, row, 'watch')
      return { items: deps.runbooks(policyTargetOfSession(row)).map(describeRunbook) }
    },
  )
}
