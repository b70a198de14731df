import { z } from 'zod'
import { sessionStates, type SessionRow } from '../core/session.ts'
import {
  createSession,
  session,
  sessionList,
  sessionQuery,
  terminateSession,
  wsTicket,
} from '../protocol/session-api.ts'
import { callerSignal } from './caller-signal.ts'
import { callerOf } from './authenticate.ts'
import type { AppDeps } from './deps.ts'
import { defined } from '../core/without-undefined.ts'
import { describeSession, findSession, refuseSession, sessionEnded } from '../gateway/find-session.ts'
import { openSession } from '../gateway/open-session.ts'
import { problems } from './openapi.ts'
import type { PersonBudgets } from '../gateway/person-budgets.ts'
import { personQuery } from '../gateway/person-query.ts'
import { readList } from './read-list.ts'
import type { TypedApp } from './typed-app.ts'
import { describeInTurns, listVisibleSessions } from '../gateway/visible-sessions.ts'

export const sessionParams = z.object({ id: z.string().min(1).max(64) })

export function registerSessionRoutes(app: TypedApp, deps: AppDeps, budgets: PersonBudgets): void {
  registerCreate(app, deps, budgets)
  registerList(app, deps, budgets)

  app.get(
    '/api/v1/sessions/:id',
    {
      schema: {
        operationId: 'getSession',
        summary: 'One session, live or past',
        params: sessionParams,
        response: { 200: session, ...problems(401, 403, 404, 429, 503) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { row } = await findSession(deps, caller, request.params.id)
      return describeSession(deps, caller.who, row)
    },
  )

  app.delete(
    '/api/v1/sessions/:id',
    {
      schema: {
        operationId: 'terminateSession',
        summary: 'End a session, with a reason',
        params: sessionParams,
        body: terminateSession.nullish(),
        response: { 200: session, ...problems(400, 401, 403, 404, 410, 429, 503) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { row, rights } = await findSession(deps, caller, request.params.id)
      if (!rights.terminate) return await refuseSession(deps, caller, row, 'terminate')
      const ended = await deps.sessions.terminate(
        row.id,
        defined({ who: caller.who, from: caller.from, reason: request.body?.reason }),
      )
      return describeSession(deps, caller.who, ended)
    },
  )
  registerTicket(app, deps)
}

function registerTicket(app: TypedApp, deps: AppDeps): void {
  app.post(
    '/api/v1/sessions/:id/ticket',
    {
      schema: {
        operationId: 'createTerminalTicket',
        summary:
          "A one-use, 30-second ticket for the session's WebSocket, for clients that can set no header",
        params: sessionParams,
        response: { 201: wsTicket, ...problems(401, 403, 404, 410, 429, 503) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { row, rights } = await findSession(deps, caller, request.params.id)
      if (!rights.watch && !rights.control) return await refuseSession(deps, caller, row, 'watch')
      if (row.state === 'ended') throw sessionEnded()
      const { ticket, expiresAt } = deps.auth.tickets.issue(row.id, caller.who, caller.login?.key)
      reply.code(201)
      return { ticket, expiresAt: expiresAt.toISOString() }
    },
  )
}

function registerCreate(app: TypedApp, deps: AppDeps, budgets: PersonBudgets): void {
  app.post(
    '/api/v1/sessions',
    {
      schema: {
        operationId: 'createSession',
        summary: 'Start a debug container and its recorded terminal',
        body: createSession,
        response: {
          201: session.describe('Starting: open its WebSocket'),
          202: session.describe('Waits for an approval, and starts by itself: open its WebSocket'),
          ...problems(400, 401, 403, 404, 409, 429, 502, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      budgets.openings.spend(reply, caller.who)
      const row = await openSession(deps, caller, request.body, callerSignal(request))
      reply
        .code(row.state === 'pending-approval' ? 202 : 201)
        .header('location', `/api/v1/sessions/${row.id}`)
      return describeSession(deps, caller.who, row)
    },
  )
}

function registerList(app: TypedApp, deps: AppDeps, budgets: PersonBudgets): void {
  app.get(
    '/api/v1/sessions',
    {
      schema: {
        operationId: 'listSessions',
        summary: 'Live and past sessions that the caller may know of, newest first',
        querystring: sessionQuery,
        response: { 200: sessionList, ...problems(400, 401, 403, 429, 503) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { state, user, issuer, from, to, ...rest } = request.query
      const query = defined({
        ...rest,
        states: state === undefined ? undefined : readList('state', state, sessionStates),
        ...personQuery(caller.who, { user, issuer }),
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
      })
      const spend = () => budgets.listPages.spend(reply, caller.who)
      const { items, next } = await listVisibleSessions(deps, caller.who, query, spend, callerSignal(request))
      const describe = (row: SessionRow) => describeSession(deps, caller.who, row)
      return defined({ items: await describeInTurns(items, describe), next })
    },
  )
}
