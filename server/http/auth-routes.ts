import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import type { Auth, BrowserLogins, ProviderSignIn } from '../core/authentication.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { SignInCases } from '../gateway/sign-ins.ts'
import { signedOut, signIn, signInOptions, type SignInOptions } from '../protocol/sign-in-api.ts'
import { callerOf, checkOrigin } from './authenticate.ts'
import { problems } from './openapi.ts'
import type { OwnOrigin } from './own-origin.ts'
import type { RateLimits } from './rate-limits.ts'
import { clearLoginCookie, cookieName, setLoginCookie } from './sign-in-cookies.ts'
import type { TerminalSockets } from './terminal-sockets.ts'
import type { TypedApp } from './typed-app.ts'

/** What the routes of browsers' sign-ins share. */
export interface AuthRoutesDeps {
  signIns: SignInCases
  logins: Pick<BrowserLogins, 'known'>
  /** Absent: no identity provider signs browsers in. */
  provider: ProviderSignIn | undefined
  origin: OwnOrigin
  limits: RateLimits
  sockets: TerminalSockets
}

type Credential = z.infer<typeof signIn>

type WaysToSignIn = Pick<Auth, 'provider' | 'device' | 'redeemLink'>

/** The browser's sign-in: a credential in, an HttpOnly cookie out. Programs send their token with each request instead. */
export function registerAuthRoutes(app: TypedApp, auth: WaysToSignIn, deps: AuthRoutesDeps): void {
  app.get(
    '/api/v1/auth/options',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getSignInOptions',
        summary: 'The ways to sign in',
        security: [],
        response: { 200: signInOptions, ...problems(429) },
      },
    },
    async () => signInOptionsOf(auth),
  )

  registerSignIn(app, deps)
  registerSignOut(app, deps)
  registerSignOutEverywhere(app, deps)
}

function signInOptionsOf({ provider, device, redeemLink }: WaysToSignIn): SignInOptions {
  const methods: SignInOptions['methods'] = []
  if (provider !== undefined) methods.push('provider')
  if (redeemLink !== undefined) methods.push('link')
  methods.push('token')
  return withoutUndefined({
    methods,
    provider: provider && { name: provider.name },
    device: device && { ...device, scopes: [...device.scopes], audiences: [...device.audiences] },
  })
}

function registerSignIn(app: TypedApp, { signIns, origin, limits }: AuthRoutesDeps): void {
  app.post(
    '/api/v1/auth/session',
    {
      config: { access: 'public' },
      onRequest: async (request) => {
        // Without this, another site could sign a browser in as somebody else. Programs may leave the header out.
        if (request.headers.origin !== undefined) checkOrigin(request, origin)
      },
      schema: {
        operationId: 'signIn',
        summary: 'Sign a browser in',
        security: [],
        body: signIn,
        response: {
          204: z.null().describe('Signed in: the answer sets the cookie'),
          ...problems(400, 401, 403, 429),
        },
      },
    },
    async (request, reply) => {
      const who = await verifyCredential(signIns, { request, reply, limits })
      await limits.signedIn(request, reply, who)
      const { id } = await signIns.begin({ who, from: request.ip }, request.cookies[cookieName(origin)])
      setLoginCookie(reply, origin, id, who.expiresAt)
      return noContent(reply)
    },
  )
}

function registerSignOut(app: TypedApp, { signIns, origin, sockets }: AuthRoutesDeps): void {
  const cookie = cookieName(origin)
  app.delete(
    '/api/v1/auth/session',
    {
      config: { access: 'public' },
      onRequest: async (request) => {
        if (request.cookies[cookie] !== undefined) checkOrigin(request, origin)
      },
      schema: {
        operationId: 'signOut',
        summary: 'Sign a browser out; its terminals are closed, their sessions go on',
        response: { 204: z.null().describe('Signed out'), ...problems(403, 429) },
      },
    },
    async (request, reply) => {
      const id = request.cookies[cookie]
      if (id !== undefined) {
        // First, or a terminal that comes in between would stay.
        const key = await signIns.end(id, request.ip)
        if (key !== undefined) sockets.closeLogin(key)
      }
      clearLoginCookie(reply, origin)
      return noContent(reply)
    },
  )
}

function registerSignOutEverywhere(
  app: TypedApp,
  { signIns, provider, origin, sockets }: AuthRoutesDeps,
): void {
  app.delete(
    '/api/v1/auth/sessions',
    {
      schema: {
        operationId: 'signOutEverywhere',
        summary: 'Remove every browser sign-in of the caller; tokens stay good until they expire',
        response: { 200: signedOut, ...problems(401, 403, 429) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { login } = caller
      // Asked first: afterwards nothing is left that could tell the provider who it was.
      const continueAt =
        login?.id === undefined
          ? undefined
          : await provider?.endSessionUrl(login.id, `${origin.of(request)}/signin`).catch(() => undefined)
      for (const key of await signIns.endAll(caller)) sockets.closeLogin(key)
      clearLoginCookie(reply, origin)
      return withoutUndefined({ continueAt })
    },
  )
}

interface SignInAttempt {
  request: FastifyRequest & { body: Credential }
  reply: FastifyReply
  limits: RateLimits
}

/**
 * Links are counted before they are looked at, so that guessing is slow. A good token is nobody's guess: only what is refused counts,
 * and nobody at the same address waits for it.
 */
async function verifyCredential(
  signIns: SignInCases,
  { request, reply, limits }: SignInAttempt,
): Promise<Principal> {
  const credential = request.body
  if ('code' in credential) await limits.signIn(request, reply)
  try {
    return await signIns.verify(credential)
  } catch (error) {
    if (error instanceof HatchwayError && error.status === 401) {
      if ('token' in credential) await limits.signIn(request, reply)
      const method = 'code' in credential ? 'link' : 'token'
      await signIns.refused(request.ip, error.message, { method })
    }
    throw error
  }
}

function noContent(reply: FastifyReply): null {
  reply.code(204)
  return null
}
