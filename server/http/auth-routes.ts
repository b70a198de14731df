import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import { personOf } from '../core/same-person.ts'
import { signedOut, signIn, signInOptions, type SignInOptions } from '../protocol/sign-in-api.ts'
import { callerOf, checkOrigin } from './authenticate.ts'
import type { AppDeps, Auth } from './deps.ts'
import { problems } from './openapi.ts'
import type { OwnOrigin } from './own-origin.ts'
import type { RateLimits } from './rate-limits.ts'
import { clearLoginCookie, cookieName, setLoginCookie } from './sign-in-cookies.ts'
import type { TerminalSockets } from './terminal-sockets.ts'
import type { TypedApp } from './typed-app.ts'

export interface AuthRoutesOptions {
  origin: OwnOrigin
  limits: RateLimits
  sockets: TerminalSockets
}

type Credential = z.infer<typeof signIn>

/** The browser's sign-in: a credential in, an HttpOnly cookie out. Programs send their token with each request instead. */
export function registerAuthRoutes(app: TypedApp, deps: AppDeps, options: AuthRoutesOptions): void {
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
    async () => signInOptionsOf(deps.auth),
  )

  registerSignIn(app, deps, options)
  registerSignOut(app, deps, options)
  registerSignOutEverywhere(app, deps, options)
}

function signInOptionsOf({ provider, device, redeemLink }: Auth): SignInOptions {
  const methods: SignInOptions['methods'] = []
  if (provider !== undefined) methods.push('provider')
  if (redeemLink !== undefined) methods.push('link')
  methods.push('token')
  return {
    methods,
    ...(provider !== undefined && { provider: { name: provider.name } }),
    ...(device !== undefined && {
      device: { ...device, scopes: [...device.scopes], audiences: [...device.audiences] },
    }),
  }
}

function registerSignIn(app: TypedApp, deps: AppDeps, { origin, limits }: AuthRoutesOptions): void {
  const { auth, store } = deps
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
      const who = await verifyCredential(deps, { request, reply, limits })
      await limits.signedIn(request, reply, who)
      await store.appendAudit({
        kind: 'signed-in',
        who: personOf(who),
        from: request.ip,
      })
      const { id } = await auth.logins.create(who)
      // As with a provider: the browser leaves nothing behind that whoever knew its cookie could go on with.
      const before = request.cookies[cookieName(origin)]
      if (before !== undefined) await auth.logins.remove(before)
      setLoginCookie(reply, origin, id, who.expiresAt)
      return noContent(reply)
    },
  )
}

function registerSignOut(app: TypedApp, deps: AppDeps, { origin, sockets }: AuthRoutesOptions): void {
  const { auth, store } = deps
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
        const login = await auth.logins.known(id)
        if (login !== undefined)
          await store.appendAudit({ kind: 'signed-out', who: personOf(login.who), from: request.ip })
        // First, or a terminal that comes in between would stay.
        await auth.logins.remove(id)
        if (login !== undefined) sockets.closeLogin(login.key)
      }
      clearLoginCookie(reply, origin)
      return noContent(reply)
    },
  )
}

function registerSignOutEverywhere(
  app: TypedApp,
  deps: AppDeps,
  { origin, sockets }: AuthRoutesOptions,
): void {
  const { auth, store } = deps
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
      const { who, login } = callerOf(request)
      const { subject, issuer } = who
      // Asked first: afterwards nothing is left that could tell the provider who it was.
      const continueAt =
        login?.id === undefined
          ? undefined
          : await auth.provider
              ?.endSessionUrl(login.id, `${origin.of(request)}/signin`)
              .catch(() => undefined)
      const detail = { everywhere: true }
      await store.appendAudit({ kind: 'signed-out', who: personOf(who), from: request.ip, detail })
      for (const key of await auth.logins.removeAll({ issuer, subject })) sockets.closeLogin(key)
      clearLoginCookie(reply, origin)
      return continueAt === undefined ? {} : { continueAt }
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
  deps: AppDeps,
  { request, reply, limits }: SignInAttempt,
): Promise<Principal> {
  const credential = request.body
  if ('code' in credential) await limits.signIn(request, reply)
  try {
    return await principalOf(deps.auth, credential)
  } catch (error) {
    if (error instanceof HatchwayError && error.status === 401) {
      if ('token' in credential) await limits.signIn(request, reply)
      await deps.store.appendAudit({
        kind: 'sign-in-failed',
        from: request.ip,
        reason: error.message,
        detail: { method: 'code' in credential ? 'link' : 'token' },
      })
    }
    throw error
  }
}

async function principalOf(auth: Auth, credential: Credential): Promise<Principal> {
  if ('token' in credential) return await auth.verifyToken(credential.token)
  if (auth.redeemLink !== undefined) return await auth.redeemLink(credential.code)
  throw new HatchwayError('unauthenticated', 'This gateway gives out no sign-in links. Sign in with a token.')
}

function noContent(reply: FastifyReply): null {
  reply.code(204)
  return null
}
