import { Agent as HttpAgent, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Readable } from 'node:stream'
import Dockerode from 'dockerode'
import { translateDockerError } from './docker-errors.ts'

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
const accepted = { 200: true, 201: true, 204: true, 304: true }

/**
 * Control calls to one Docker engine. Rejects only with HatchwayError.
 * The API version is min(ours, the engine's), asked once per connection: unversioned calls would follow
 * whatever engine comes next.
 */
export class DockerClient {
  readonly endpoint: DockerEndpoint
  readonly environment: string
  readonly #agent: HttpAgent
  #engine: Promise<Engine> | undefined

  constructor(endpoint: DockerEndpoint, environment = 'docker') {
    this.endpoint = endpoint
    this.environment = environment
    const keep = { keepAlive: true, keepAliveMsecs: 15_000 }
    this.#agent =
      endpoint.kind === 'tcp' && endpoint.tls
        ? new HttpsAgent({ ...keep, ...endpoint.tls })
        : new HttpAgent(keep)
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

  /** The parsed JSON answer; undefined for an empty one. */
  async json<T>(call: DockerCall): Promise<T> {
    return await this.#dial<T>(call, false)
  }

  /** The answer as a stream; the signal ends it too. */
  async stream(call: DockerCall): Promise<Readable & { headers: Record<string, string> }> {
    return await this.#dial(call, true)
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
    this.#agent.destroy()
  }

  async #askEngine(): Promise<Engine> {
    const controller = new AbortController()
    const limit = controller.signal
    const timer = setTimeout(() => controller.abort(), 10_000)
    const call = { method: 'GET', path: '/version', doing: 'ask for its version', signal: limit } as const
    try {
      const answer = await abortable(
        dial<Record<'ApiVersion' | 'Os' | 'Arch', string>>(this.#dockerode(), call, false, limit),
        limit,
      )
      const apiVersion = compareVersions(answer.ApiVersion, newestApi) < 0 ? answer.ApiVersion : newestApi
      const info = { method: 'GET', path: '/info', doing: 'describe itself', signal: limit } as const
      const { SecurityOptions } = await abortable(
        dial<{ SecurityOptions: string[] | null }>(this.#dockerode(apiVersion), info, false, limit),
        limit,
      )
      return { apiVersion, os: answer.Os, architecture: answer.Arch, securityOptions: SecurityOptions ?? [] }
    } catch (cause) {
      const context = { ...this.#context(call.doing, limit), cancelled: false, timedOut: limit.aborted }
      throw translateDockerError(cause, context)
    } finally {
      clearTimeout(timer)
    }
  }

  async #dial<T>(call: DockerCall, isStream: boolean): Promise<T> {
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(), call.timeoutMs ?? 15_000)
    const signal = AbortSignal.any([call.signal, limit.signal])
    try {
      const { apiVersion } = await this.engine(signal)
      return await abortable(dial<T>(this.#dockerode(apiVersion), call, isStream, signal), signal)
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

  #dockerode(apiVersion?: string): Dockerode {
    const { endpoint } = this
    // docker-modem fills whatever is missing here from DOCKER_HOST and its relatives, so every key is given.
    const { host, port, tls } = endpoint.kind === 'tcp' ? endpoint : {}
    const options = {
      socketPath: endpoint.kind === 'unix' ? endpoint.path : undefined,
      host,
      port,
      protocol: tls ? 'https' : 'http',
      ca: tls?.ca,
      cert: tls?.cert,
      key: tls?.key,
      pathPrefix: '/',
      timeout: undefined,
      version: apiVersion && `v${apiVersion}`,
      agent: this.#agent,
    }
    return new Dockerode(options as Dockerode.DockerOptions)
  }

  #context(doing: string, signal: AbortSignal) {
    return { doing, environment: this.environment, cancelled: signal.aborted, endpoint: this.endpoint }
  }
}

function dial<T>(docker: Dockerode, call: DockerCall, isStream: boolean, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const options = {
    method: call.method,
    path: call.query ? `${call.path}?` : call.path,
    // `_query` and `_body` keep docker-modem from sending either as the other.
    options: { _query: call.query ?? {}, _body: call.body ?? {} },
    file: call.file,
    authconfig: call.auth,
    statusCodes: { ...accepted },
    abortSignal: signal,
    isStream,
  }
  docker.modem.dial(options, (cause: Error | null, answer: unknown) => {
    if (cause === null) resolve(answer as T)
    else reject(cause)
  })
  return promise
}

/** Rejects as soon as the signal fires, whatever the work does. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
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
