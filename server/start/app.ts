import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import Fastify, { LogController } from 'fastify'
import type { FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { HatchwayError } from '../core/errors.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { registerApprovalRoutes } from '../http/approval-routes.ts'
import { registerAuditRoutes } from '../http/audit-routes.ts'
import { registerAuthRoutes, type AuthRoutesDeps } from '../http/auth-routes.ts'
import { registerAuthentication } from '../http/authenticate.ts'
import { registerConnectionEnds } from '../http/connection-ends.ts'
import { registerCallerSignal } from '../http/caller-signal.ts'
import { registerEnvironmentRoutes } from '../http/environment-routes.ts'
import { registerHealthRoutes, type Part } from '../http/health-routes.ts'
import { registerMeRoutes } from '../http/me-routes.ts'
import { registerOpenapi } from '../http/openapi.ts'
import { createOwnOrigin } from '../http/own-origin.ts'
import { registerPolicyRoutes } from '../http/policy-routes.ts'
import { refuseMalformed, refuseUnroutable, registerProblems } from '../http/problem.ts'
import { registerProviderRoutes } from '../http/provider-routes.ts'
import { registerRateLimits } from '../http/rate-limits.ts'
import { registerRecordingRoutes } from '../http/recording-routes.ts'
import { refuseTrace } from '../http/refuse-trace.ts'
import { registerRequestLog } from '../http/request-log.ts'
import { registerRunbookRoutes } from '../http/runbook-routes.ts'
import { registerRunRoutes } from '../http/run-routes.ts'
import { registerSampleRoutes } from '../http/sample-routes.ts'
import { registerSecurityHeaders } from '../http/security-headers.ts'
import { registerSessionRoutes } from '../http/session-routes.ts'
import { registerTargetRoutes } from '../http/target-routes.ts'
import { registerTerminalSocket, registerWebsockets } from '../http/terminal-socket.ts'
import { TerminalSockets } from '../http/terminal-sockets.ts'
import type { TypedApp } from '../http/typed-app.ts'
import { registerWebAssets } from '../http/web-assets.ts'
import type { AppParts } from './app-parts.ts'
import { createUseCases, type UseCases } from './use-cases.ts'

/**
 * The gateway's HTTP side, ready to listen. Closing it asks the terminals that are still open to reconnect; call
 * `sessions.drain()` before, so that recordings are flushed and viewers told first.
 */
export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const app = createFastify(parts).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)

  const { auth, metrics, sessions } = parts
  const origin = createOwnOrigin(app, parts)
  const sockets = new TerminalSockets()
  parts.onPolicyChange(() => sockets.recheck())
  metrics.watch({ liveSessions: () => sessions.liveCount, openSockets: () => sockets.size })

  registerConnectionEnds(app)
  registerCallerSignal(app)
  registerProblems(app, metrics)
  registerRequestLog(app, metrics)
  await registerSecurityHeaders(app, origin.secure)
  await app.register(cookie)
  await registerWebsockets(app, sockets)
  const limits = await registerRateLimits(app)
  registerAuthentication(app, { auth, origin, limits })
  // Without the address: what somebody takes for one may hold a credential, and refusals are logged.
  const traced = refuseTrace(app)
  app.setNotFoundHandler((request, reply) => {
    traced(request, reply)
    throw new HatchwayError('not_found', 'There is nothing at this address.')
  })

  const cases = createUseCases(parts)
  const { version, publicUrl, logger, metricsToken } = parts
  await registerOpenapi(app, withoutUndefined({ version, publicUrl }))
  registerHealthRoutes(app, { parts: checkedParts(parts), version, logger, metrics, metricsToken })
  registerSignInRoutes(app, parts, cases.signIns, { origin, limits, sockets })
  registerMeRoutes(app, { questions: cases.policyQuestions, provider: auth.provider, publicUrl })
  registerCases(app, cases, { auth, sockets })
  await registerWebAssets(app, parts.webRoot)
  await app.ready()
  return app
}

function registerSignInRoutes(
  app: TypedApp,
  { auth, metrics }: AppParts,
  signIns: UseCases['signIns'],
  shared: Pick<AuthRoutesDeps, 'origin' | 'limits' | 'sockets'>,
): void {
  const deps = { ...shared, signIns, logins: auth.logins, provider: auth.provider }
  registerAuthRoutes(app, auth, deps)
  registerProviderRoutes(app, { ...deps, metrics })
}

function registerCases(
  app: TypedApp,
  cases: UseCases,
  { auth, sockets }: Pick<AppParts, 'auth'> & { sockets: TerminalSockets },
): void {
  const { sessions } = cases
  registerEnvironmentRoutes(app, cases.environments)
  registerTargetRoutes(app, cases.targets)
  registerSessionRoutes(app, sessions, auth.tickets)
  registerRunRoutes(app, sessions)
  registerApprovalRoutes(app, cases.approvals)
  registerRunbookRoutes(app, sessions)
  registerPolicyRoutes(app, cases.policyQuestions)
  registerTerminalSocket(app, { sessions, logins: auth.logins, sockets })
  registerRecordingRoutes(app, cases.recordings)
  registerAuditRoutes(app, cases.auditLog)
  registerSampleRoutes(app, cases.sample)
}

// An engine that is down takes away its targets, not the recordings, the audit log and the other engines.
function checkedParts({ store, recordings, blobs, drivers }: AppParts): Part[] {
  return [
    { name: 'store', required: true, check: () => store.check() },
    {
      name: 'recordings',
      required: true,
      check: async () => {
        await recordings.check()
        await blobs.check()
      },
    },
    ...[...drivers.values()].map((driver) => ({
      name: `environment ${driver.environment}`,
      required: false,
      check: (signal: AbortSignal) => driver.check(signal),
    })),
  ]
}

function createFastify(parts: AppParts): FastifyInstance {
  return Fastify({
    // Query strings hold tickets, so no line shows one; registerRequestLog writes the one line per request.
    loggerInstance: parts.logger.child({}, { serializers: { req: ({ method, id }) => ({ method, id }) } }),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: Array.isArray(parts.trustProxy)
      ? [...parts.trustProxy]
      : (parts.trustProxy as boolean | string),
    bodyLimit: 64 * 1024,
    connectionTimeout: 60_000,
    requestTimeout: 15_000,
    keepAliveTimeout: 65_000,
    http: { headersTimeout: 10_000, maxHeaderSize: 16 * 1024, connectionsCheckingInterval: 5_000 },
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 1000, caseSensitive: true },
    frameworkErrors: refuseUnroutable,
    clientErrorHandler: refuseMalformed,
  })
}
