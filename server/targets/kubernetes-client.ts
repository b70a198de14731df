import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import { HatchwayError } from '../core/errors.ts'
import type { Actor } from '../core/target.ts'
import type { ClusterSource } from './kubernetes-config.ts'
import { KubernetesConnections, StaleConnectionError } from './kubernetes-connection.ts'
import { ClusterCredentials, type ClusterCredential } from './kubernetes-credentials.ts'
import { AnswerTooLong, KubernetesRefusal, translateKubernetesError } from './kubernetes-errors.ts'
import { impersonationHeaders } from './kubernetes-impersonate.ts'
import { openWebSocket } from './kubernetes-websocket.ts'
import { readRecord, withoutNulls } from './read-json.ts'

export interface KubernetesCall {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** Already encoded: build it with {@link resourcePath}. */
  path: string
  query?: Readonly<Record<string, string | readonly string[]>>
  body?: object
  contentType?:
    | 'application/json'
    | 'application/strategic-merge-patch+json'
    | 'application/merge-patch+json'
    | 'application/json-patch+json'
  /** On whose behalf, where the environment impersonates; otherwise it only names a person in an error. */
  actor?: Actor
  /** A POST that changes nothing: it may be sent again when an idle connection turns out to be closed. */
  repeatable?: boolean
  /** What was being done, for the error: `add the debug container`. */
  doing: string
  signal: AbortSignal
  /** Milliseconds for the whole answer; for a stream, until its headers. Default 15 s. */
  timeoutMs?: number
}

type Attempt<T> = (credential: ClusterCredential) => Promise<T>

export interface KubernetesClientOptions {
  environment: string
  source: ClusterSource
  /** Calls with an actor are made in the actor's name, so that the cluster decides and its audit log names the person. */
  impersonate: boolean
  /** Which groups are passed on, `*` standing for any text; all of them without it. */
  impersonatedGroups?: readonly string[]
}

/** 250 pods with much in them are about 5 MB; where they are more, a list asks for fewer. */
const maxBytes = 64 * 1024 * 1024
const maxRefusalBytes = 64 * 1024
const usualTimeoutMs = 15_000
/** However long `Retry-After` says: a timer that is set for more than 2^31 ms fires at once. */
const maxWaitMs = 30_000

/**
 * `/api/v1/namespaces/shop/pods/web/attach`, every part encoded.
 * Throws `invalid_request` for what is no path segment (k8s.io/apimachinery, pkg/api/validation/path): dots lead elsewhere,
 * encoded or not, and the API server takes an encoded slash for a slash, so that `web/exec` would name another resource.
 */
export function resourcePath(
  group: string,
  namespace: string | undefined,
  plural: string,
  name?: string,
  subresource?: string,
): string {
  const parts = [
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ]
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..' || /[/%]/.test(part))
      throw new HatchwayError('invalid_request', `"${part}" is no name that a cluster can have.`)
  }
  return [group, ...parts.map(encodeURIComponent)].join('/')
}

/** Calls to one cluster's API server over kept-alive connections. Rejects only with HatchwayError. */
export class KubernetesClient {
  readonly environment: string
  readonly impersonates: boolean
  readonly #groups: readonly string[] | undefined
  readonly #credentials: ClusterCredentials
  readonly #connections = new KubernetesConnections()
  readonly #closed = new AbortController()
  #server: string | undefined

  constructor({ environment, source, impersonate, impersonatedGroups }: KubernetesClientOptions) {
    this.environment = environment
    this.#groups = impersonatedGroups
    this.impersonates = impersonate
    this.#credentials = new ClusterCredentials(environment, source)
  }

  /** The parsed answer, an object without nulls. A refusal's own words are in the cause: see `refusalOf`. */
  async json<T>(call: KubernetesCall): Promise<T> {
    const timeoutMs = call.timeoutMs ?? usualTimeoutMs
    const limit = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([call.signal, limit, this.#closed.signal])
    try {
      const answer = await this.#patiently(call, signal, performance.now() + timeoutMs)
      return readRecord(withoutNulls(JSON.parse(await readBody(answer, maxBytes)))) as T
    } catch (cause) {
      throw this.#translate(cause, call, limit)
    }
  }

  /**
   * The lines of an answer that goes on, as a watch's does; `onOpen` is called when it begins. Ends when the server ends it or
   * the signal fires; throws when the connection breaks, or when nothing came for `idleMs`.
   */
  async *lines(
    call: KubernetesCall & { idleMs?: number; onOpen?: () => void },
  ): AsyncGenerator<string, void, undefined> {
    const limit = new AbortController()
    const arm = (ms: number) => setTimeout(() => limit.abort(), ms)
    let timer = arm(call.timeoutMs ?? usualTimeoutMs)
    const signal = AbortSignal.any([call.signal, limit.signal, this.#closed.signal])
    let answer: IncomingMessage | undefined
    try {
      answer = await this.#send(call, signal)
      clearTimeout(timer)
      if (call.idleMs !== undefined) timer = arm(call.idleMs)
      call.onOpen?.()
      let held = ''
      const decoder = new TextDecoder()
      for await (const chunk of answer) {
        if (call.idleMs !== undefined) {
          clearTimeout(timer)
          timer = arm(call.idleMs)
        }
        // Only what is new: a long line comes in thousands of pieces.
        const piece = decoder.decode(chunk as Buffer, { stream: true })
        let start = 0
        for (let end = piece.indexOf('\n'); end !== -1; end = piece.indexOf('\n', start)) {
          yield held + piece.slice(start, end)
          held = ''
          start = end + 1
        }
        held += piece.slice(start)
        if (held.length > maxBytes) throw new AnswerTooLong(maxBytes)
      }
    } catch (cause) {
      if (call.signal.aborted || this.#closed.signal.aborted) return
      throw this.#translate(cause, call, limit.signal)
    } finally {
      clearTimeout(timer)
      answer?.destroy()
    }
  }

  /**
   * An open WebSocket, paused: listen, then `resume()` it, and nothing is missed.
   * A refusal comes without a retry, so that a caller may ask again at once.
   */
  async webSocket(
    call: Pick<KubernetesCall, 'path' | 'query' | 'actor' | 'doing' | 'signal'>,
    protocols: readonly string[],
  ): Promise<WebSocket> {
    const limit = AbortSignal.timeout(15_000)
    const signal = AbortSignal.any([call.signal, limit, this.#closed.signal])
    try {
      const open: Attempt<WebSocket> = async (credential) => {
        const agent = await this.#connections.agent(credential)
        const headers = { ...credential.headers, ...this.#actorHeaders(call.actor) }
        return await openWebSocket({ credential, agent, path: pathOf(call), headers, protocols, signal })
      }
      return await this.#attempt(open, signal, true)
    } catch (cause) {
      throw this.#translate(cause, call, limit)
    }
  }

  async version(signal: AbortSignal): Promise<{ major: number; minor: number; gitVersion: string }> {
    const call = {
      method: 'GET',
      path: '/version',
      doing: 'tell its version',
      signal,
      timeoutMs: 5_000,
    } as const
    const { major, minor, gitVersion } =
      await this.json<Record<'major' | 'minor' | 'gitVersion', string>>(call)
    // Some vendors put a plus sign behind the minor version.
    return { major: Number.parseInt(major, 10), minor: Number.parseInt(minor, 10), gitVersion }
  }

  /** Ends everything under way, terminals too. */
  close(): void {
    this.#closed.abort()
    this.#connections.close()
  }

  /** Reads are tried again where the server asks for it, as long as the deadline allows. */
  async #patiently(call: KubernetesCall, signal: AbortSignal, until: number): Promise<IncomingMessage> {
    for (;;) {
      try {
        return await this.#send(call, signal)
      } catch (cause) {
        const busy = cause instanceof KubernetesRefusal && (cause.status === 429 || cause.status === 503)
        if (!busy || call.method !== 'GET' || cause.retryAfter === undefined) throw cause
        const waitMs = Math.min(maxWaitMs, cause.retryAfter * 1000 * (1 + Math.random() / 4))
        // Who would wait in vain is told at once.
        if (performance.now() + waitMs >= until) throw cause
        await delay(waitMs, undefined, { signal }).catch(() => {
          throw cause
        })
      }
    }
  }

  async #send(call: KubernetesCall, signal: AbortSignal): Promise<IncomingMessage> {
    const { method, body, contentType = 'application/json' } = call
    const send: Attempt<IncomingMessage> = async (credential) => {
      const answer = await this.#connections.send(credential, {
        method,
        path: pathOf(call),
        headers: {
          ...this.#actorHeaders(call.actor),
          Accept: 'application/json',
          ...(body !== undefined && { 'Content-Type': contentType }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal,
      })
      const status = answer.statusCode ?? 0
      if (status >= 200 && status < 300) return answer
      throw new KubernetesRefusal(status, await readBody(answer, maxRefusalBytes), retryAfterOf(answer))
    }
    return await this.#attempt(send, signal, method !== 'POST' || call.repeatable === true)
  }

  /**
   * Once more with fresh credentials when they are not accepted, and again where a kept connection had been closed: each of these
   * is one fewer to take, so that a new one comes at last.
   */
  async #attempt<T>(send: Attempt<T>, signal: AbortSignal, repeatable: boolean): Promise<T> {
    let renewed = false
    for (;;) {
      const credential = await this.#credential(signal)
      try {
        return await send(credential)
      } catch (cause) {
        if (signal.aborted) throw cause
        // A POST could take effect twice.
        if (cause instanceof StaleConnectionError && repeatable) continue
        if (renewed || !(cause instanceof KubernetesRefusal) || cause.status !== 401) throw cause
        renewed = true
        await this.#credentials.renew(credential)
      }
    }
  }

  async #credential(signal: AbortSignal): Promise<ClusterCredential> {
    signal.throwIfAborted()
    const { promise, reject } = Promise.withResolvers<never>()
    const stop = () => reject(new Error('aborted'))
    signal.addEventListener('abort', stop, { once: true })
    try {
      const credential = await Promise.race([this.#credentials.get(), promise])
      this.#server = credential.server.host
      return credential
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  #actorHeaders(actor: Actor | undefined): Record<string, string | string[]> {
    return this.impersonates && actor !== undefined ? impersonationHeaders(actor, this.#groups) : {}
  }

  #translate(cause: unknown, call: Pick<KubernetesCall, 'doing' | 'actor' | 'signal'>, limit: AbortSignal) {
    return translateKubernetesError(cause instanceof StaleConnectionError ? cause.cause : cause, {
      doing: call.doing,
      environment: this.environment,
      ...(this.#server !== undefined && { server: this.#server }),
      ...(call.actor !== undefined && this.impersonates && { actor: call.actor }),
      cancelled: call.signal.aborted || this.#closed.signal.aborted,
      timedOut: limit.aborted,
    })
  }
}

function pathOf({ path, query }: Pick<KubernetesCall, 'path' | 'query'>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of typeof value === 'string' ? [value] : value) search.append(name, one)
  }
  return search.size === 0 ? path : `${path}?${search}`
}

async function readBody(answer: IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer) {
    bytes += (chunk as Buffer).length
    if (bytes > most) throw new AnswerTooLong(most)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function retryAfterOf(answer: IncomingMessage): number | undefined {
  const seconds = Number(answer.headers['retry-after'])
  return answer.headers['retry-after'] === undefined || !Number.isFinite(seconds) || seconds < 0
    ? undefined
    : Math.max(seconds, 0.1)
}
