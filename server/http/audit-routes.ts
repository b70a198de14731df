import type { AuditEvent } from '../core/session.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { AuditLogCases } from '../gateway/audit-log.ts'
import { auditList, auditQuery } from '../protocol/audit-api.ts'
import type { AuditEvent as ApiAuditEvent } from '../protocol/audit-api.ts'
import { callerOf } from './authenticate.ts'
import { callerSignal } from './caller-signal.ts'
import { problems } from './openapi.ts'
import type { TypedApp } from './typed-app.ts'

export function registerAuditRoutes(app: TypedApp, audit: AuditLogCases): void {
  app.get(
    '/api/v1/audit',
    {
      schema: {
        operationId: 'listAudit',
        summary: 'Who did what, when, why and by which rule, newest first',
        querystring: auditQuery,
        response: { 200: auditList, ...problems(400, 401, 403, 429, 503) },
      },
    },
    async (request) => {
      const { kind, session, from, to, ...rest } = request.query
      const input = withoutUndefined({
        ...rest,
        kinds: kind?.split(','),
        sessionId: session,
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
      })
      const asked = describeQuery(request.query)
      const { items, next } = await audit.list(callerOf(request), input, asked, callerSignal(request))
      return withoutUndefined({ items: items.map(toApi), next })
    },
  )
}

/** What was asked for, so that the trail shows it; the cursor says nothing to a reader. */
function describeQuery({
  cursor: _cursor,
  ...query
}: Readonly<Record<string, string | number | undefined>>): Record<string, string | number> {
  return withoutUndefined(query) as Record<string, string | number>
}

function toApi({ at, ...event }: AuditEvent): ApiAuditEvent {
  return { ...event, at: at.toISOString(), ...(event.detail && { detail: { ...event.detail } }) }
}
