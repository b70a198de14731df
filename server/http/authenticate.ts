/** Who calls: a bearer token, the browser's cookie, or a terminal ticket. Every route needs one unless it says otherwise. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import type { Auth, Login } from './deps.ts'
import type { OwnOrigin } from './own-origin.ts'
import type { RateLimits } from './rate-limits.ts'
import { cookieName } from './sign-in-cookies.ts'

export interface Caller {
  who: Principal
  via: 'bearer' | 'cookie' | 'ticket'
  /** Remote address, for the audit log. */
  from: string
  /** The cookie's value and what it stands for, when the caller came with one. */
  login?: Login & { id: string }
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `public`: no sign-in. `probe`: no sign-in and any `Host`, because probes call by address. */
    access?: 'public' | 'probe'
    /** The terminal's WebSocket: the only route that upgrades, and that takes a ticket. */
    terminal?: true
  }
  interface FastifyRequest {
    caller: Caller | null
  }
}

export interface AuthenticateOptions {
  auth: Auth
  origin: OwnOrigin
  limits: RateLimits
}

/** The caller of a route that needs one. Throws `unauthenticated`. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller !== null) return request.caller
  throw new HatchwayError('unauthenticated', 'Sign in, or send `Authorization: Bearer <token>`.')
}

/** Hooks that run before anything else of a route: limits, `Host`, credentials, `Origin`. */
export function registerAuthentication(app: FastifyInstance, options: AuthenticateOptions): void {
  const { origin, limits } = options
  app.decorateRequest('caller', null)
  app.addHook('onRequest', async (request, reply) => {
    const { access, terminal } = request.routeOptions.config
    refuseStrayUpgrade(request, terminal === true)
    if (access === 'probe') return
    await limits.address(request, reply)
    const open = access === 'public' || request.is404
    // A page of another site that rebinds its name to this address has no token, so a bearer's Host may be any.
    if (open || bearerOf(request) === undefined) origin.checkHost(request)
    if (open) return
    await limits.refusedCredentials.check(request, reply)
    try {
      request.caller = await authenticate(request, options)
    } catch (error) {
      // Who brings none guesses none: strangers who follow a link from one office are no attack on it.
      if (error instanceof HatchwayError && error.status === 401 && bringsCredential(request, origin))
        await limits.refusedCredentials.count(request)
      throw error
    }
    if (request.caller.via === 'cookie') checkOrigin(request, origin)
    await limits.caller(request, reply)
  })
}

/** Throws `origin_refused` unless the page that sent the request is the gateway's own. */
export function checkOrigin(request: FastifyRequest, own: OwnOrigin): void {
  const { origin } = request.headers
  // Browsers leave the header out of plain reads of the same origin, and of nothing else that matters here.
  const readsOnly = ['GET', 'HEAD'].includes(request.method) && !request.ws
  if (origin === undefined ? readsOnly : own.accepts(origin)) return
  throw new HatchwayError(
    'origin_refused',
    origin === undefined
      ? 'A browser sign-in is only good with the Origin header. Programs use `Authorization: Bearer`.'
      : 'The request was sent by a page of another site.',
  )
}

async function authenticate(request: FastifyRequest, options: AuthenticateOptions): Promise<Caller> {
  const { auth } = options
  const from = request.ip
  const token = bearerOf(request)
  if (token !== undefined) return { who: await auth.verifyToken(token), via: 'bearer', from }
  const ticket = ticketOf(request)
  if (ticket !== undefined) {
    const who = auth.tickets.redeem(ticket.ticket, ticket.sessionId)
    if (who !== undefined) return { who, via: 'ticket', from }
    throw new HatchwayError(
      'unauthenticated',
      'The terminal ticket is unknown, used or too old. Ask for another.',
    )
  }
  const id = request.cookies[cookieName(options.origin)]
  const login = id === undefined ? undefined : await auth.logins.find(id)
  if (login !== undefined && id !== undefined)
    return { who: login.who, via: 'cookie', from, login: { ...login, id } }
  throw new HatchwayError(
    'unauthenticated',
    id === undefined
      ? 'Sign in, or send `Authorization: Bearer <token>`.'
      : 'The sign-in has expired. Sign in again.',
  )
}

function bringsCredential(request: FastifyRequest, origin: OwnOrigin): boolean {
  if (request.headers.authorization !== undefined || ticketOf(request) !== undefined) return true
  return request.cookies[cookieName(origin)] !== undefined
}

function bearerOf(request: FastifyRequest): string | undefined {
  return /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
}

function ticketOf(request: FastifyRequest): { ticket: string; sessionId: string } | undefined {
  if (request.routeOptions.config.terminal !== true) return undefined
  const { ticket } = request.query as Record<string, unknown>
  const { id } = request.params as Record<string, unknown>
  return typeof ticket === 'string' && typeof id === 'string' ? { ticket, sessionId: id } : undefined
}

// @fastify/websocket would accept the upgrade first and close it afterwards.
function refuseStrayUpgrade(request: FastifyRequest, terminal: boolean): void {
  if (!request.ws || terminal) return
  throw new HatchwayError('not_found', 'There is no WebSocket at this address.')
}
