import type { FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'

/** One line and one observation per request. The route's template stands for the address, which may hold secrets. */
export function registerRequestLog(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', async (request, reply) => {
    const { method, caller } = request
    const route = request.routeOptions.url ?? 'none'
    const status = reply.statusCode
    metrics.observeRequest({ method, route, status }, reply.elapsedTime / 1000)
    if (request.routeOptions.config.access === 'probe') return
    const who = caller === null ? {} : { subject: caller.who.subject, issuer: caller.who.issuer }
    request.log.info(
      { method, route, status, ms: Math.round(reply.elapsedTime), from: request.ip, ...who },
      'request',
    )
  })
}
