import type { SessionCases } from '../gateway/sessions.ts'
import { runbookList } from '../protocol/runbook-api.ts'
import { describeRunbook } from './api-runbook.ts'
import { callerOf } from './authenticate.ts'
import { problems } from './openapi.ts'
import { sessionParams } from './session-routes.ts'
import type { TypedApp } from './typed-app.ts'

/** What helps in a session, for those who may see what happens in it. */
export function registerRunbookRoutes(app: TypedApp, sessions: SessionCases): void {
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
      const runbooks = await sessions.runbooks(callerOf(request), request.params.id)
      return { items: runbooks.map(describeRunbook) }
    },
  )
}
