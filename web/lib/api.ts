import type { Problem } from '../../server/protocol/api.ts'
import { ApiError } from './api-error.ts'
import { takeEarly } from './early-requests.ts'
import { signedInAgain } from './sign-in-gate.ts'

export interface ApiRequest {
  method?: 'GET' | 'POST' | 'DELETE'
  /** Sent as JSON. */
  body?: unknown
  query?: Readonly<Record<string, string | number | undefined>>
  signal?: AbortSignal | undefined
  /** For one attempt. */
  timeoutMs?: number
  /** `ask`: the sign-in overlay opens, and the call is made again afterwards. `throw`: the 401 is the caller's. */
  onUnauthenticated?: 'ask' | 'throw'
}

/**
 * Calls `/api/v1<path>` and resolves with the JSON answer (undefined for 204).
 * Throws ApiError, or the signal's reason when it aborts.
 */
export async function api<T>(path: string, request: ApiRequest = {}): Promise<T> {
  const signal = request.signal ?? new AbortController().signal
  for (;;) {
    const response = await send(path, request, signal)
    if (response.ok) return (await readJson(response)) as T
    const error = await problemOf(response)
    if (response.status !== 401 || request.onUnauthenticated === 'throw') throw error
    await signedInAgain(signal)
  }
}

/** `/api/v1<path>?…`, leaving out empty values. */
export function apiUrl(path: string, query: ApiRequest['query'] = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return `/api/v1${path}${text === '' ? '' : `?${text}`}`
}

/** A target reference as part of a path: its slashes stay, everything else is escaped. */
export function refPath(ref: string): string {
  return ref.split('/').map(encodeURIComponent).join('/')
}

async function send(path: string, request: ApiRequest, signal: AbortSignal): Promise<Response> {
  const timeoutMs = request.timeoutMs ?? 20_000
  const timeout = AbortSignal.timeout(timeoutMs)
  const url = apiUrl(path, request.query)
  try {
    const early = request.method === undefined ? takeEarly(url) : undefined
    if (early !== undefined) return await early
    return await fetch(url, {
      method: request.method ?? 'GET',
      credentials: 'same-origin',
      signal: AbortSignal.any([signal, timeout]),
      headers: {
        accept: 'application/json, application/problem+json',
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    })
  } catch {
    signal.throwIfAborted()
    if (timeout.aborted) {
      throw new ApiError({
        status: 0,
        code: 'timeout',
        title: 'The gateway did not answer in time',
        detail: `No answer within ${timeoutMs / 1000} seconds. It may be busy, or the network slow: try again.`,
      })
    }
    throw new ApiError({
      status: 0,
      code: 'network',
      title: 'The gateway cannot be reached',
      detail: 'The request got no answer. Check that the gateway runs and that this computer is online.',
    })
  }
}

async function readJson(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined
  try {
    return await response.json()
  } catch {
    throw badAnswer(response)
  }
}

async function problemOf(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as Partial<Problem>
    if (typeof body.code === 'string' && typeof body.detail === 'string') {
      return new ApiError({
        status: response.status,
        code: body.code,
        title: body.title ?? response.statusText,
        detail: body.detail,
        ...(body.instance === undefined ? {} : { instance: body.instance }),
        ...(body.errors === undefined ? {} : { errors: body.errors }),
      })
    }
  } catch {
    // Not JSON: an answer of something between us and the gateway.
  }
  return badAnswer(response)
}

function badAnswer(response: Response): ApiError {
  return new ApiError({
    status: response.status,
    code: 'bad_answer',
    title: `Unexpected answer (${response.status})`,
    detail: 'The answer did not come from the gateway. A proxy in between may have answered in its place.',
  })
}
