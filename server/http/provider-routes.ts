/** Sign-in by an identity provider: pages go to `start`, and come back by `callback` with a cookie or a problem's code. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { returnPath } from '../core/return-path.ts'
import { personOf } from '../core/same-person.ts'
import type { AuthRoutesOptions } from './auth-routes.ts'
import type { AppDeps, ProviderSignIn } from './deps.ts'
import { problems } from './openapi.ts'
import { logOnce, toHatchwayError } from './problem.ts'
import { cookieName, setLoginCookie, setPendingCookie, takePendingCookie } from './sign-in-cookies.ts'
import type { TypedApp } from './typed-app.ts'

const callbackPath = '/api/v1/auth/oidc/callback'
const maxLogoutBytes = 32 * 1024

const startQuery = z.object({
  return: z.string().max(2000).optional().describe('path of this site to go on to'),
})

export function registerProviderRoutes(app: TypedApp, deps: AppDeps, options: AuthRoutesOptions): void {
  const { provider } = deps.auth
  if (provider === undefined) return
  registerStart(app, deps, provider, options)
  registerCallback(app, deps, provider, options)
  registerBackChannelLogout(app, deps, provider, options)
}

function registerStart(
  app: TypedApp,
  deps: AppDeps,
  provider: ProviderSignIn,
  { origin }: AuthRoutesOptions,
): void {
  app.get(
    '/api/v1/auth/oidc/start',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'startProviderSignIn',
        summary: 'Send a browser to the identity provider',
        security: [],
        querystring: startQuery,
        response: {
          303: z.null().describe('To the provider, or to the sign-in page when it cannot be reached'),
          ...problems(400, 403, 429),
        },
      },
    },
    async (request, reply) => {
      const own = origin.of(request)
      const returnTo = request.query.return
      const id = request.cookies[cookieName(origin)]
      try {
        const login = id === undefined ? undefined : await deps.auth.logins.known(id)
        const started = await provider.start({
          redirectUri: own + callbackPath,
          ...(returnTo !== undefined && { returnTo }),
          ...(login !== undefined && { replaces: login.key }),
        })
        setPendingCookie(request, reply, origin, started)
        return seeOther(reply, started.url)
      } catch (error) {
        return await fail(deps, request, reply, { error, own, returnTo: returnPath(returnTo) })
      }
    },
  )
}

function registerCallback(
  app: TypedApp,
  deps: AppDeps,
  provider: ProviderSignIn,
  { origin, limits }: AuthRoutesOptions,
): void {
  app.get(
    callbackPath,
    {
      config: { access: 'public' },
      onRequest: limits.signInReturn,
      schema: {
        operationId: 'finishProviderSignIn',
        summary: 'Where the identity provider sends a browser back to',
        security: [],
        response: {
          303: z.null().describe('Signed in, to the page that was asked for; else to the sign-in page'),
          ...problems(403, 429),
        },
      },
    },
    async (request, reply) => {
      const own = origin.of(request)
      const query = request.url.split('?', 2)[1] ?? ''
      const state = new URLSearchParams(query).get('state') ?? ''
      const pending = takePendingCookie(request, reply, origin, provider.keyOf(state))
      try {
        const arrival = await provider.finish({ query, pending })
        const { who, endsAt, returnTo, replaces } = arrival
        await deps.store.appendAudit({
          kind: 'signed-in',
          who: personOf(who),
          from: request.ip,
          detail: { method: 'provider' },
        })
        // Always a fresh id: whatever cookie somebody planted before signs nobody in.
        const { id } = await arrival.save()
        if (replaces !== undefined) await deps.auth.logins.removeKey(replaces)
        // Whoever comes back with fewer groups has their sessions judged by them.
        deps.sessions.signedInAgain(who)
        setLoginCookie(reply, origin, id, endsAt)
        return seeOther(reply, own + returnTo)
      } catch (error) {
        return await fail(deps, request, reply, { error, own, returnTo: provider.returnTo(pending) })
      }
    },
  )
}

/** OpenID Connect Back-Channel Logout 1.0: the provider itself ends sign-ins. */
function registerBackChannelLogout(
  app: TypedApp,
  deps: AppDeps,
  provider: ProviderSignIn,
  { limits, sockets }: AuthRoutesOptions,
): void {
  const body = z.object({ logout_token: z.string().max(16_384) })
  app.register(async (scope: TypedApp) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: maxLogoutBytes },
      (_request, text, done) => done(null, Object.fromEntries(new URLSearchParams(text.toString()))),
    )
    scope.post(
      '/api/v1/auth/oidc/back-channel-logout',
      {
        config: { access: 'public' },
        onRequest: limits.signInReturn,
        schema: {
          operationId: 'backChannelLogout',
          summary: 'The identity provider ends the sign-ins of a person or of a session there',
          security: [],
          body,
          response: {
            200: z.null().describe('Ended; also when there was none'),
            ...problems(400, 401, 413, 429),
          },
        },
      },
      async (request) => {
        const order = await provider.readLogout(request.body.logout_token)
        const { query } = order
        if (query === undefined) return null
        for (const { principal } of await deps.store.findLogins(query)) {
          const detail = { by: 'identity provider' }
          await deps.store.appendAudit({
            kind: 'signed-out',
            who: personOf(principal),
            from: request.ip,
            detail,
          })
        }
        for (const key of await deps.auth.logins.removeAll(query)) sockets.closeLogin(key)
        order.done()
        return null
      },
    )
  })
}

/** To the sign-in page, which has words for the code; the request's id is the thread to audit log and log. */
async function fail(
  deps: AppDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { error, own, returnTo }: { error: unknown; own: string; returnTo: string },
): Promise<null> {
  const known = toHatchwayError(error)
  logOnce(request, error, known.status)
  deps.metrics.countRefusal(known.code)
  if (known.code !== 'store_unavailable') {
    await deps.store.appendAudit({
      kind: 'sign-in-failed',
      from: request.ip,
      reason: known.message,
      detail: { method: 'provider', code: known.code, request: request.id },
    })
  }
  const where = new URLSearchParams({ problem: known.code, request: request.id, next: returnTo })
  return seeOther(reply, `${own}/signin?${where.toString()}`)
}

// Fastify takes the body from here: sending it at once too would log the whole address, with its code.
function seeOther(reply: FastifyReply, url: string): null {
  reply.code(303).header('location', url)
  return null
}
