import { HatchwayError } from '../core/errors.ts'
import { personOf } from '../core/same-person.ts'
import { auditKinds, type AuditEvent } from '../core/session.ts'
import { auditList, auditQuery } from '../protocol/audit-api.ts'
import type { AuditEvent as ApiAuditEvent } from '../protocol/audit-api.ts'
import { callerOf } from './authenticate.ts'
import { callerSignal } from './caller-signal.ts'
import { defined } from '../core/without-undefined.ts'
import type { AppDeps } from './deps.ts'
import { problems } from './openapi.ts'
import { auditDenied } from '../gateway/permissions.ts'
import type { PersonBudgets } from '../gateway/person-budgets.ts'
import { personQuery } from '../gateway/person-query.ts'
import { readList } from './read-list.ts'
import type { TypedApp } from './typed-app.ts'

export function registerAuditRoutes(app: TypedApp, deps: AppDeps, budgets: PersonBudgets): void {
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
    async (request, reply) => {
      const caller = callerOf(request)
      const { kind, session, user, issuer, from, to, ...rest } = request.query
      const decision = deps.policy().decide({ who: caller.who, action: 'read-audit' })
      if (decision.effect === 'deny') {
        await auditDenied(deps.store, { caller, action: 'read-audit', rules: decision.rules })
        throw new HatchwayError(decision.code, decision.explanation)
      }
      const query = defined({
        ...rest,
        kinds: kind === undefined ? undefined : readList('kind', kind, auditKinds),
        sessionId: session,
        ...personQuery(caller.who, { user, issuer }),
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
      })
      await deps.store.appendAudit({
        kind: 'audit-read',
        who: personOf(caller.who),
        from: caller.from,
        action: 'read-audit',
        rule: decision.rules.join(', '),
        detail: describeQuery(request.query),
      })
      const { items, next } = await deps.store.listAudit(query, {
        goOn: () => budgets.listPages.spend(reply, caller.who),
        signal: callerSignal(request),
      })
      return defined({ items: items.map(toApi), next })
    },
  )
}

/** What was asked for, so that the trail shows it; the cursor says nothing to a reader. */
function describeQuery(
  query: Readonly<Record<string, string | number | undefined>>,
): Record<string, string | number> {
  const entries = Object.entries(query).filter(([key, value]) => key !== 'cursor' && value !== undefined)
  return Object.fromEntries(entries) as Record<string, string | number>
}

function toApi({ at, ...event }: AuditEvent): ApiAuditEvent {
  return { ...event, at: at.toISOString(), ...(event.detail && { detail: { ...event.detail } }) }
}
