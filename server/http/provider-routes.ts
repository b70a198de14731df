/** Sign-in by an identity provider: pages go to `start`, and come back by `callback` with a cookie or a problem's code. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { returnPath } from '../core/return-path.ts'
import type { ProviderSignIn } from '../core/authentication.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { AuthRoutesDeps } from './auth-routes.ts'
import type { Metrics } from './metrics.ts'
import { problems } from './openapi.ts'
import { logOnce, toHatchwayError } from './problem.ts'
import { cookieName, setLoginCookie, setPendingCookie, takePendingCookie } from './sign-in-cookies.ts'
import type { TypedApp } from './typed-app.ts'

const callbackPath = '/api/v1/auth/oidc/callback'
const maxLogoutBytes = 32 * 1024

const startQuery = z.object({
  return: z.string().max(2000).optional().describe('path of this site to go on to'),
})

interface ProviderRoutesDeps extends AuthRoutesDeps {
  metrics: Pick<Metrics, 'countRefusal'>
}

export function registerProviderRoutes(app: TypedApp, deps: ProviderRoutesDeps): void {
  const { provider } = deps
  if (provider === undefined) return
  registerStart(app, provider, deps)
  registerCallback(app, provider, deps)
  registerBackChannelLogout(app, provider, deps)
}

function registerStart(app: TypedApp, provider: ProviderSignIn, deps: ProviderRoutesDeps): void {
  const { logins, origin } = deps
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
        const login = id === undefined ? undefined : await logins.known(id)
        const started = await provider.start(
          withoutUndefined({ redirectUri: own + callbackPath, returnTo, replaces: login?.key }),
        )
        setPendingCookie(request, reply, origin, started)
        return seeOther(reply, started.url)
      } catch (error) {
        return await fail(deps, request, reply, { error, own, returnTo: returnPath(returnTo) })
      }
    },
  )
}

function registerCallback(app: TypedApp, provider: ProviderSignIn, deps: ProviderRoutesDeps): void {
  const { signIns, origin, limits } = deps
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
        const login = await provider.finish({ query, pending })
        const { id } = await signIns.beginByProvider(login, request.ip)
        const { endsAt, returnTo } = login
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
  provider: ProviderSignIn,
  { signIns, limits, sockets }: AuthRoutesDeps,
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
        const logout = await provider.readLogout(request.body.logout_token)
        if (logout.query === undefined) return null
        for (const key of await signIns.endByProvider(logout, request.ip)) sockets.closeLogin(key)
        logout.done()
        return null
      },
    )
  })
}

/** To the sign-in page, which has words for the code; the request's id is the thread to audit log and log. */
async function fail(
  { signIns, metrics }: Pick<ProviderRoutesDeps, 'signIns' | 'metrics'>,
  request: FastifyRequest,
  reply: FastifyReply,
  { error, own, returnTo }: { error: unknown; own: string; returnTo: string },
): Promise<null> {
  const known = toHatchwayError(error)
  logOnce(request, error, known.status)
  metrics.countRefusal(known.code)
  if (known.code !== 'store_unavailable') {
    const detail = { method: 'provider', code: known.code, request: request.id }
    await signIns.refused(request.ip, known.message, detail)
  }
  const where = new URLSearchParams({ problem: known.code, request: request.id, next: returnTo })
  return seeOther(reply, `${own}/signin?${where.toString()}`)
}

// Fastify takes the body from here: sending it at once too would log the whole address, with its code.
function seeOther(reply: FastifyReply, url: string): null {
  reply.code(303).header('location', url)
  return null
}
