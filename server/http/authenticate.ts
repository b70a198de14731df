/** Who calls: a bearer token, the browser's cookie, or a terminal ticket. Every route needs one unless it says otherwise. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HatchwayError } from '../core/errors.ts'
import type { Auth, Login, TicketHolder } from '../core/authentication.ts'
import type { Caller as AnyCaller } from '../gateway/caller.ts'
import type { OwnOrigin } from './own-origin.ts'
import type { RateLimits } from './rate-limits.ts'
import { cookieName } from './sign-in-cookies.ts'

export interface Caller extends AnyCaller {
  via: 'bearer' | 'cookie' | 'ticket'
  /** The browser's sign-in that it is the cookie, or the ticket, of; `id` is the cookie's value. */
  login?: Login & { id?: string }
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
    await limits.address(request, reply, credentialOf(request, origin))
    const open = access === 'public' || request.is404
    // A page of another site that rebinds its name to this address has no token, so a bearer's Host may be any.
    if (open || bearerOf(request) === undefined) origin.checkHost(request)
    if (open) return
    request.caller = await authenticateWithin(request, reply, options)
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

/**
 * A good credential is taken whatever else comes from its address: an office, a proxy, a farm of builds. Only what is refused is
 * counted, and what was refused a moment ago is not looked at again.
 */
async function authenticateWithin(
  request: FastifyRequest,
  reply: FastifyReply,
  options: AuthenticateOptions,
): Promise<Caller> {
  const { limits, origin } = options
  const credential = credentialOf(request, origin)
  if (credential !== undefined) await limits.refusedCredentials.checkKnown(request, reply, credential)
  try {
    const caller = await authenticate(request, options)
    if (credential !== undefined) limits.accepted(credential)
    return caller
  } catch (error) {
    // Who brings none guesses none: strangers who follow a link from one office are no attack on it.
    if (error instanceof HatchwayError && error.status === 401 && credential !== undefined)
      await limits.refusedCredentials.count(request, reply, credential)
    throw error
  }
}

async function authenticate(request: FastifyRequest, options: AuthenticateOptions): Promise<Caller> {
  const { auth } = options
  const from = request.ip
  const token = bearerOf(request)
  if (token !== undefined) return { who: await auth.verifyToken(token), via: 'bearer', from }
  const ticket = ticketOf(request)
  if (ticket !== undefined) {
    const holder = auth.tickets.redeem(ticket.ticket, ticket.sessionId)
    const caller = holder && (await ofTicket(auth, holder))
    if (caller !== undefined) return { ...caller, via: 'ticket', from }
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

/** Who asked for the ticket, as their sign-in is now: gone with it. */
async function ofTicket(
  auth: Auth,
  { who, loginKey }: TicketHolder,
): Promise<Pick<Caller, 'who' | 'login'> | undefined> {
  if (loginKey === undefined) return { who }
  const login = await auth.logins.findKey(loginKey)
  return login && { who: login.who, login }
}

/** Whatever the request means to be let in by. */
function credentialOf(request: FastifyRequest, origin: OwnOrigin): string | undefined {
  return request.headers.authorization ?? ticketOf(request)?.ticket ?? request.cookies[cookieName(origin)]
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
