import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'

const responses = new WeakMap<FastifyRequest, ServerResponse>()

/** Lets {@link callerSignal} know each request's response. */
export function registerCallerSignal(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    responses.set(request, reply.raw)
  })
}

/**
 * Aborts when the caller hangs up before the answer is complete. Not `request.signal`: that one follows the request's
 * own stream (fastify 5.12 lib/request.js), which closes as soon as a body has been read.
 */
export function callerSignal(request: FastifyRequest): AbortSignal {
  const controller = new AbortController()
  const response = responses.get(request)
  response?.once('close', () => {
    if (!response.writableFinished) controller.abort()
  })
  return controller.signal
}
