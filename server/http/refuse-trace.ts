import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HatchwayError } from '../core/errors.ts'

/**
 * No address takes TRACE, which would send a request's headers back: where there is something, that is a 405 with what it takes
 * (RFC 9110, 9.3.8 and 15.5.6). Must be registered before the routes. Call the result for what no route has taken: it throws, or
 * has nothing to say.
 */
export function refuseTrace(app: FastifyInstance): (request: FastifyRequest, reply: FastifyReply) => void {
  const routes: { pattern: RegExp; methods: readonly string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    const parts = url.split('/').map((part) => {
      if (part === '*') return '.*'
      return part.startsWith(':') ? '[^/]+' : RegExp.escape(part)
    })
    routes.push({ pattern: new RegExp(`^${parts.join('/')}$`, 's'), methods: [method].flat() })
  })
  return ({ method, url }, reply) => {
    if (method !== 'TRACE') return
    const [path = ''] = url.split('?', 1)
    const fitting = routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods)
    if (fitting.length === 0) return
    reply.header('allow', [...new Set(fitting)].toSorted().join(', '))
    throw new HatchwayError('method_not_allowed', 'No address takes TRACE. `Allow` says what this one takes.')
  }
}
