import { HatchwayError, messageOf } from '../../core/errors.ts'
import type { DockerEndpoint } from './client.ts'

interface CallContext {
  doing: string
  environment: string
  endpoint: DockerEndpoint
  /** The caller gave up. */
  cancelled: boolean
  /** Our own limit passed. */
  timedOut?: boolean
}

/** Turns whatever a call to an engine threw into words that a user can act on. */
export function translateDockerError(cause: unknown, context: CallContext): HatchwayError {
  if (cause instanceof HatchwayError) return cause
  const { doing, environment } = context
  if (context.cancelled)
    return new HatchwayError('cancelled', `Cancelled while asking ${environment} to ${doing}.`)
  if (context.timedOut) {
    return new HatchwayError(
      'timeout',
      `The Docker engine of ${environment} did not ${doing} in time. See whether it is overloaded, then try again.`,
      { cause },
    )
  }
  if (cause instanceof SyntaxError || cause instanceof RangeError) {
    return new HatchwayError(
      'backend_unavailable',
      `What ${environment} answered when it was to ${doing} can't be read: ${cause.message} See what stands between the gateway and the engine.`,
      { cause },
    )
  }
  const status = dockerStatus(cause)
  if (status === undefined) return unreachable(cause, context)
  const words = dockerWords(cause)
  if (status === 404)
    return new HatchwayError('not_found', `${environment} could not ${doing}: ${words}`, { cause })
  return new HatchwayError('start_failed', `${environment} could not ${doing}: ${words}`, { cause })
}

/** Throws `cancelled` once the caller gave up. */
export function throwIfCancelled(signal: AbortSignal, doing: string): void {
  if (signal.aborted) throw new HatchwayError('cancelled', `Cancelled while it was to ${doing}.`)
}

/** The HTTP status of an engine's refusal, also under a HatchwayError; undefined when it never answered. */
export function dockerStatus(cause: unknown): number | undefined {
  const error = cause instanceof HatchwayError ? cause.cause : cause
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined
  return typeof error.statusCode === 'number' ? error.statusCode : undefined
}

/** The engine's own words, without the transport's decoration. */
export function dockerWords(cause: unknown): string {
  const error = cause instanceof HatchwayError && cause.cause !== undefined ? cause.cause : cause
  if (typeof error === 'object' && error !== null && 'json' in error) {
    const { json } = error
    if (typeof json === 'object' && json !== null && 'message' in json) return String(json.message).trim()
  }
  return messageOf(error)
    .replace(/^\(HTTP code \d+\) [\w ,-]+ - /, '')
    .trim()
}

function unreachable(cause: unknown, context: CallContext): HatchwayError {
  const { endpoint, environment } = context
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  const place = endpoint.kind === 'unix' ? endpoint.path : `${endpoint.host}:${endpoint.port}`
  const advice: Partial<Record<string, string>> = {
    ENOENT: 'There is no such socket: see that the engine runs and that the path is right.',
    EACCES: 'The gateway may not use it: give its user the group of the socket.',
    EPERM: 'The gateway may not use it: give its user the group of the socket.',
    ECONNREFUSED: 'Nothing listens there: see that the engine runs.',
    ENOTFOUND: 'The host name is not known: see the environment in the configuration.',
    ECONNRESET: 'It closed the connection: it may be restarting.',
  }
  const fallback = `${messageOf(cause)}. See that the engine runs and can be reached.`
  const words = (typeof code === 'string' ? advice[code] : undefined) ?? fallback
  return new HatchwayError(
    'backend_unavailable',
    `The Docker engine of ${environment} at ${place} cannot be reached. ${words}`,
    { cause },
  )
}
