import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import Fastify, { LogController } from 'fastify'
import type { FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { HatchwayError } from '../core/errors.ts'
import { registerApprovalRoutes } from '../http/approval-routes.ts'
import { registerAuditRoutes } from '../http/audit-routes.ts'
import { registerAuthRoutes } from '../http/auth-routes.ts'
import { registerAuthentication } from '../http/authenticate.ts'
import { registerCallerSignal } from '../http/caller-signal.ts'
import type { AppDeps } from '../http/deps.ts'
import { registerEnvironmentRoutes } from '../http/environment-routes.ts'
import { registerHealthRoutes } from '../http/health-routes.ts'
import { registerMeRoutes } from '../http/me-routes.ts'
import { registerOpenapi } from '../http/openapi.ts'
import { createOwnOrigin } from '../http/own-origin.ts'
import { createPersonBudgets } from '../gateway/person-budgets.ts'
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
import { registerWebAssets } from '../http/web-assets.ts'

/**
 * The gateway's HTTP side, ready to listen. Closing it asks the terminals that are still open to reconnect; call
 * `sessions.drain()` before, so that recordings are flushed and viewers told first.
 */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const app = createFastify(deps).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)

  const origin = createOwnOrigin(app, deps)
  const sockets = new TerminalSockets()
  deps.onPolicyChange(() => sockets.recheck())
  deps.metrics.watch({ liveSessions: () => deps.sessions.liveCount, openSockets: () => sockets.size })

  registerCallerSignal(app)
  registerProblems(app, deps.metrics)
  registerRequestLog(app, deps.metrics)
  await registerSecurityHeaders(app, origin.secure)
  await app.register(cookie)
  await registerWebsockets(app, sockets)
  const limits = await registerRateLimits(app)
  const budgets = createPersonBudgets(deps.rates)
  registerAuthentication(app, { auth: deps.auth, origin, limits })
  // Without the address: what somebody takes for one may hold a credential, and refusals are logged.
  const traced = refuseTrace(app)
  app.setNotFoundHandler((request, reply) => {
    traced(request, reply)
    throw new HatchwayError('not_found', 'There is nothing at this address.')
  })

  const { version, publicUrl } = deps
  await registerOpenapi(app, publicUrl === undefined ? { version } : { version, publicUrl })
  registerHealthRoutes(app, deps)
  registerAuthRoutes(app, deps, { origin, limits, sockets })
  registerProviderRoutes(app, deps, { origin, limits, sockets })
  registerMeRoutes(app, deps)
  registerEnvironmentRoutes(app, deps)
  registerTargetRoutes(app, deps)
  registerSessionRoutes(app, deps, budgets)
  registerRunRoutes(app, deps, budgets)
  registerApprovalRoutes(app, deps)
  registerRunbookRoutes(app, deps)
  registerPolicyRoutes(app, deps, budgets)
  registerTerminalSocket(app, deps, sockets)
  registerRecordingRoutes(app, deps)
  registerAuditRoutes(app, deps, budgets)
  registerSampleRoutes(app, deps)
  await registerWebAssets(app, deps.webRoot)
  await app.ready()
  return app
}

function createFastify(deps: AppDeps): FastifyInstance {
  return Fastify({
    // Query strings hold tickets, so no line shows one; registerRequestLog writes the one line per request.
    loggerInstance: deps.logger.child({}, { serializers: { req: ({ method, id }) => ({ method, id }) } }),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: Array.isArray(deps.trustProxy) ? [...deps.trustProxy] : (deps.trustProxy as boolean | string),
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
