import type { IncomingMessage, RequestOptions } from 'node:http'
import type { Readable } from 'node:stream'
import { HatchwayError } from '../../core/errors.ts'
import { readJson, refusal } from './answer.ts'
import { DockerDialer } from './dial.ts'
import { translateDockerError } from './errors.ts'
import { readRecord, readText, readTexts } from '../shared/read-json.ts'
import { SharedLooks } from './shared-looks.ts'

/** Where an engine listens. */
export type DockerEndpoint =
  | { kind: 'unix'; path: string }
  | {
      kind: 'tcp'
      host: string
      port: number
      /** PEM texts. Without it the connection is plain HTTP: only for loopback and tests. */
      tls?: { ca: string; cert: string; key: string }
    }

/** What is known of an engine for as long as the connection to it stands. */
export interface Engine {
  /** As it goes into a path, such as `1.41`. */
  apiVersion: string
  os: string
  /** Go's name, such as `amd64`. */
  architecture: string
  /** Such as `name=apparmor` and `name=userns`. */
  securityOptions: readonly string[]
}

export interface DockerCall {
  method: 'GET' | 'POST' | 'DELETE' | 'HEAD'
  /** Without version and query. */
  path: string
  query?: Readonly<Record<string, string>>
  body?: object
  /** A tar to upload. */
  file?: Readable | Buffer
  auth?: { username: string; password: string }
  /** What was being done, for the error: `start the container`. */
  doing: string
  signal: AbortSignal
  /** Milliseconds for the whole answer; for a stream, until its headers. Default 15 s. */
  timeoutMs?: number
}

// The newest API that this driver was written against; an older engine's own version wins.
const newestApi = '1.51'
const accepted = [200, 201, 204, 304]

/**
 * Control calls to one Docker engine. Rejects only with HatchwayError.
 * The API version is min(ours, the engine's), asked once per connection: unversioned calls would follow
 * whatever engine comes next.
 */
export class DockerClient {
  readonly endpoint: DockerEndpoint
  readonly environment: string
  readonly #dialer: DockerDialer
  readonly #looks = new SharedLooks()
  #engine: Promise<Engine> | undefined

  constructor(endpoint: DockerEndpoint, environment = 'docker') {
    this.endpoint = endpoint
    this.environment = environment
    this.#dialer = new DockerDialer(endpoint)
  }

  /** The engine behind the endpoint; asked again after the connection was lost. */
  async engine(signal: AbortSignal): Promise<Engine> {
    this.#engine ??= this.#askEngine().catch((cause: unknown) => {
      this.#engine = undefined
      throw cause
    })
    return await abortable(this.#engine, signal).catch((cause: unknown) => {
      throw translateDockerError(cause, this.#context('ask for its version', signal))
    })
  }

  /** The engine may be on this host: it is reached by a socket. */
  get local(): boolean {
    return this.endpoint.kind === 'unix'
  }

  /** True when calls of this API version are understood. */
  static atLeast(engine: Engine, version: string): boolean {
    return compareVersions(engine.apiVersion, version) >= 0
  }

  /** The parsed JSON answer, as the engine wrote it: any part may be missing or null. Undefined for an empty one. */
  async json<T>(call: DockerCall): Promise<T> {
    return (await this.#dial(call, false, readJson)) as T
  }

  /**
   * Like `json`, for a question that many ask at once: they share one look, which began after the last of them asked.
   * Nobody may change what it gives.
   */
  async look<T>(
    { signal, ...question }: Omit<DockerCall, 'method' | 'body' | 'file' | 'auth'>,
    read: (response: IncomingMessage) => Promise<unknown> = readJson,
  ): Promise<T> {
    const key = `${question.path}?${new URLSearchParams(question.query).toString()}`
    // Not a caller's signal: the others go on waiting.
    const own = new AbortController()
    const call = { ...question, method: 'GET', signal: own.signal } as const
    const ask = async () => (await this.#dial(call, false, read)) as T
    return await abortable(this.#looks.ask(key, ask), signal).catch((cause: unknown) => {
      throw translateDockerError(cause, this.#context(question.doing, signal))
    })
  }

  /** Does what is asked for and leaves the answer's body unread. */
  async send(call: DockerCall): Promise<void> {
    await this.#dial(call, false, (response) => Promise.resolve(void response.resume()))
  }

  /** The answer as a stream; the signal ends it too. */
  async stream(call: DockerCall): Promise<Readable> {
    return await this.#dial(call, true, (response) => Promise.resolve(response))
  }

  /** Options for an own request on a connection of its own, as attach and wait need. */
  async rawOptions(
    method: string,
    path: string,
    signal: AbortSignal,
  ): Promise<RequestOptions & { secure: boolean }> {
    const { apiVersion } = await this.engine(signal)
    const { endpoint } = this
    const base = { method, path: `/v${apiVersion}${path}`, agent: false as const }
    if (endpoint.kind === 'unix') return { ...base, socketPath: endpoint.path, secure: false }
    const { host, port, tls } = endpoint
    return { ...base, host, port, ...tls, secure: tls !== undefined }
  }

  async securityOptions(signal: AbortSignal): Promise<readonly string[]> {
    return (await this.engine(signal)).securityOptions
  }

  /** Forgets what was asked of the engine: the next call asks again. */
  reset(): void {
    this.#engine = undefined
  }

  close(): void {
    this.#dialer.close()
  }

  async #askEngine(): Promise<Engine> {
    const controller = new AbortController()
    const limit = controller.signal
    const timer = setTimeout(() => controller.abort(), 10_000)
    const call = { method: 'GET', path: '/version', doing: 'ask for its version', signal: limit } as const
    try {
      const version = await abortable(this.#describe(call, undefined), limit)
      const { ApiVersion: own } = version
      if (typeof own !== 'string' || !/^\d+\.\d+$/.test(own)) {
        throw new HatchwayError(
          'backend_unavailable',
          `What answers for ${this.environment} names no API version, as a Docker engine does. See that the address is an engine's.`,
        )
      }
      const apiVersion = compareVersions(own, newestApi) < 0 ? own : newestApi
      const info = { ...call, path: '/info', doing: 'describe itself' } as const
      const answer = await abortable(this.#describe(info, apiVersion), limit)
      return { apiVersion, ...describeEngine(this.environment, version, answer) }
    } catch (cause) {
      const context = { ...this.#context(call.doing, limit), cancelled: false, timedOut: limit.aborted }
      throw translateDockerError(cause, context)
    } finally {
      clearTimeout(timer)
    }
  }

  async #describe(call: DockerCall, apiVersion: string | undefined): Promise<Record<string, unknown>> {
    const version = apiVersion === undefined ? {} : { apiVersion }
    const response = await this.#dialer.dial(call, { ...version, lasting: false }, call.signal)
    if (!accepted.includes(response.statusCode ?? 0)) throw await refusal(response)
    return readRecord(await readJson(response))
  }

  async #dial<T>(
    call: DockerCall,
    lasting: boolean,
    read: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> {
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(), call.timeoutMs ?? 15_000)
    const signal = AbortSignal.any([call.signal, limit.signal])
    const ask = async () => {
      const { apiVersion } = await this.engine(signal)
      const response = await this.#dialer.dial(call, { apiVersion, lasting }, signal)
      if (!accepted.includes(response.statusCode ?? 0)) throw await refusal(response)
      return await read(response)
    }
    try {
      return await abortable(ask(), signal)
    } catch (cause) {
      const error = translateDockerError(cause, {
        ...this.#context(call.doing, call.signal),
        timedOut: limit.signal.aborted,
      })
      if (error.code === 'backend_unavailable') this.reset()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  #context(doing: string, signal: AbortSignal) {
    return { doing, environment: this.environment, cancelled: signal.aborted, endpoint: this.endpoint }
  }
}

/** Throws `backend_unavailable` for an engine of Windows containers: they have neither the namespaces nor the tools. */
function describeEngine(
  environment: string,
  version: Record<string, unknown>,
  info: Record<string, unknown>,
): Omit<Engine, 'apiVersion'> {
  const os = readText(version['Os']) || readText(info['OSType']) || 'linux'
  if ([os, readText(info['OSType'])].some((name) => name.toLowerCase() === 'windows')) {
    throw new HatchwayError(
      'backend_unavailable',
      `The Docker engine of ${environment} runs Windows containers, and Hatchway opens only Linux ones. Switch the engine to Linux containers, or take the environment out of the configuration.`,
    )
  }
  return { os, architecture: readText(version['Arch']), securityOptions: readTexts(info['SecurityOptions']) }
}

/** Rejects as soon as the signal fires, whatever the work does. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  // Whoever has given up hears no more of it, also when it fails.
  work.catch(() => {})
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(new Error('aborted'))
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function compareVersions(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number)
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number)
  return leftMajor - rightMajor || leftMinor - rightMinor
}
