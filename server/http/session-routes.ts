import { z } from 'zod'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { TicketDesk } from '../core/authentication.ts'
import type { SessionCases } from '../gateway/sessions.ts'
import {
  createSession,
  session,
  sessionList,
  sessionQuery,
  terminateSession,
  wsTicket,
} from '../protocol/session-api.ts'
import { toApiSession } from './api-session.ts'
import { callerOf } from './authenticate.ts'
import { callerSignal } from './caller-signal.ts'
import { problems } from './openapi.ts'
import type { TypedApp } from './typed-app.ts'

export const sessionParams = z.object({ id: z.string().min(1).max(64) })

export function registerSessionRoutes(app: TypedApp, sessions: SessionCases, tickets: TicketDesk): void {
  registerCreate(app, sessions)
  registerList(app, sessions)

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
    async (request) => toApiSession(await sessions.get(callerOf(request), request.params.id)),
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
      const { id } = request.params
      return toApiSession(await sessions.terminate(callerOf(request), id, request.body?.reason))
    },
  )
  registerTicket(app, sessions, tickets)
}

function registerTicket(app: TypedApp, sessions: SessionCases, tickets: TicketDesk): void {
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
      const { id } = await sessions.joinable(caller, request.params.id)
      const { ticket, expiresAt } = tickets.issue(id, caller.who, caller.login?.key)
      reply.code(201)
      return { ticket, expiresAt: expiresAt.toISOString() }
    },
  )
}

function registerCreate(app: TypedApp, sessions: SessionCases): void {
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
      const opened = await sessions.open(callerOf(request), request.body, callerSignal(request))
      const { id, state } = opened.row
      reply.code(state === 'pending-approval' ? 202 : 201).header('location', `/api/v1/sessions/${id}`)
      return toApiSession(opened)
    },
  )
}

function registerList(app: TypedApp, sessions: SessionCases): void {
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
    async (request) => {
      const { state, from, to, ...rest } = request.query
      const input = withoutUndefined({
        ...rest,
        states: state?.split(','),
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
      })
      const { items, next } = await sessions.list(callerOf(request), input, callerSignal(request))
      return withoutUndefined({ items: items.map(toApiSession), next })
    },
  )
}
