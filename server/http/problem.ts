/** Errors on the wire: RFC 9457 problem details with a stable `code`. */
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, HatchwayError } from '../core/errors.ts'
import type { Problem } from '../protocol/api.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { Metrics } from './metrics.ts'

/** Keys and metadata that could not be had are not asked for again sooner. */
const providerRetrySeconds = 5

/** What a caller is told about `error`; the request id is the thread back to the log. */
export function toProblem(error: unknown, instance: string): Problem {
  const known = toHatchwayError(error)
  const problem: Problem = {
    type: `urn:hatchway:problem:${known.code}`,
    title: known.title,
    status: known.status,
    detail: known.message,
    code: known.code,
    instance,
  }
  const errors = validationErrors(error)
  const { profiles } = known
  return withoutUndefined({ ...problem, errors, profiles })
}

/** Answers every thrown error and every unknown address with a problem. */
export function registerProblems(app: FastifyInstance, metrics: Metrics): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error, request.id)
    metrics.countRefusal(problem.code)
    logOnce(request, error, problem.status)
    if (problem.code === 'provider_unavailable') reply.header('retry-after', providerRetrySeconds)
    const after = error instanceof HatchwayError ? error.retryAfterSeconds : undefined
    if (after !== undefined) reply.header('retry-after', after)
    return sendProblem(reply, problem)
  })
}

/** Sends a problem as it is, past the route's own response schemas. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .send(JSON.stringify(problem))
}

/** For requests that the router itself refuses, before any hook has run. */
export function refuseUnroutable(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = new HatchwayError('invalid_request', 'The address of the request cannot be read.')
  void sendProblem(reply, toProblem(error, request.id))
}

/** For bytes that are not HTTP, or that took too long: there is no request yet, only the socket. */
export function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const refusal = malformed[error.code ?? ''] ?? (['invalid_request', 'The request is not HTTP.'] as const)
  const problem = toProblem(new HatchwayError(...refusal), '')
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

const malformed: Record<string, readonly [ErrorCode, string]> = {
  HPE_HEADER_OVERFLOW: ['too_large', 'The headers of the request are larger than 16 KiB.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['invalid_request', 'The request did not arrive in time.'],
}

/** What a caller may know of any thrown value. */
export function toHatchwayError(error: unknown): HatchwayError {
  if (error instanceof HatchwayError) return error
  const { statusCode = 500, message = '', validation } = error as Partial<FastifyError>
  if (validation !== undefined) {
    return new HatchwayError('invalid_request', 'The request does not fit the schema; see `errors`.', {
      cause: error,
    })
  }
  if (statusCode >= 500) {
    const detail =
      'The gateway met an error of its own. Give `instance` to whoever runs it: the log has the rest.'
    return new HatchwayError('internal_error', detail, { cause: error })
  }
  // @fastify/static says 403 for a path that would leave its folder.
  if (statusCode === 403 || statusCode === 404) {
    return new HatchwayError('not_found', 'There is nothing at this address.', { cause: error })
  }
  const code: ErrorCode = statusCode === 413 ? 'too_large' : 'invalid_request'
  return new HatchwayError(code, message, { cause: error })
}

/** One entry per wrong field. Pointers are RFC 6901: into the body, or into `/query` and `/params`. */
function validationErrors(error: unknown): Problem['errors'] {
  const { validation, validationContext } = error as Partial<FastifyError>
  if (validation === undefined) return undefined
  const prefix = pointerPrefix[validationContext ?? 'body'] ?? ''
  return validation.flatMap(({ instancePath, message = 'is not valid', params }) => {
    const base = `${prefix}${instancePath === '/' ? '' : instancePath}`
    const unknown = params['keys']
    if (!Array.isArray(unknown)) return [{ pointer: base, message }]
    return unknown.map((key) => ({
      pointer: `${base}/${escapePointer(String(key))}`,
      message: 'is not known here',
    }))
  })
}

const pointerPrefix: Record<string, string> = {
  querystring: '/query',
  params: '/params',
  headers: '/headers',
}

function escapePointer(key: string): string {
  return key.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Faults of ours at `error`, refusals at `debug`. */
export function logOnce(request: FastifyRequest, error: unknown, status: number): void {
  if (status >= 500) request.log.error({ err: error }, 'request failed')
  else request.log.debug({ err: error }, 'request refused')
}
