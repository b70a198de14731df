import { z } from 'zod'
import type { EnvironmentCases, EnvironmentView } from '../gateway/environments.ts'
import { environment } from '../protocol/api.ts'
import type { Environment } from '../protocol/api.ts'
import { callerSignal } from './caller-signal.ts'
import { problems } from './openapi.ts'
import type { TypedApp } from './typed-app.ts'

export function registerEnvironmentRoutes(app: TypedApp, environments: EnvironmentCases): void {
  app.get(
    '/api/v1/environments',
    {
      schema: {
        operationId: 'listEnvironments',
        summary: 'Docker hosts and clusters, and which of them answer',
        response: { 200: z.object({ items: z.array(environment) }), ...problems(401, 403, 429) },
      },
    },
    async (request) => ({ items: (await environments.list(callerSignal(request))).map(toApi) }),
  )
}

function toApi({ id, kind, problem, notices }: EnvironmentView): Environment {
  if (problem !== undefined) return { id, kind, reachable: false, problem }
  return { id, kind, reachable: true, ...(notices.length > 0 && { notices: [...notices] }) }
}
