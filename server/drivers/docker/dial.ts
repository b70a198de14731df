import { Agent as HttpAgent, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { inspect } from 'node:util'
import Dockerode from 'dockerode'
import type { DockerCall, DockerEndpoint } from './client.ts'

/** Calls to one engine that are under way at once; more wait for a connection. Streams have connections of their own. */
const maxCalls = 24

/** Every status is handed on: what a refusal says is read where its size is bounded. */
const anyStatus = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [at + 100, true]))

/** One engine's connections. */
export class DockerDialer {
  readonly #endpoint: DockerEndpoint
  readonly #calls: HttpAgent
  readonly #streams: HttpAgent
  readonly #engines = new Map<string, Dockerode>()

  constructor(endpoint: DockerEndpoint) {
    this.#endpoint = endpoint
    this.#calls = agentFor(endpoint, maxCalls)
    this.#streams = agentFor(endpoint, Number.POSITIVE_INFINITY)
  }

  /** The headers of an answer, whatever its status. `lasting` is for what is read for longer than a moment. */
  async dial(
    call: DockerCall,
    { apiVersion, lasting }: { apiVersion?: string; lasting: boolean },
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const options = {
      method: call.method,
      path: call.query ? `${call.path}?` : call.path,
      // `_query` and `_body` keep docker-modem from sending either as the other.
      options: { _query: call.query ?? {}, _body: call.body ?? {} },
      file: call.file,
      authconfig: call.auth,
      statusCodes: anyStatus,
      abortSignal: inShort(signal),
      isStream: true,
    }
    this.#dockerode(apiVersion, lasting).modem.dial(options, (cause: Error | null, answer: unknown) => {
      if (cause === null) resolve(answer as IncomingMessage)
      else reject(cause)
    })
    return await promise
  }

  close(): void {
    this.#calls.destroy()
    this.#streams.destroy()
  }

  #dockerode(apiVersion: string | undefined, lasting: boolean): Dockerode {
    const key = `${apiVersion ?? ''} ${lasting}`
    const known = this.#engines.get(key) ?? this.#connect(apiVersion, lasting ? this.#streams : this.#calls)
    this.#engines.set(key, known)
    return known
  }

  #connect(apiVersion: string | undefined, agent: HttpAgent): Dockerode {
    const endpoint = this.#endpoint
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
      agent,
    }
    return new Dockerode(options as Dockerode.DockerOptions)
  }
}

function agentFor(endpoint: DockerEndpoint, maxSockets: number): HttpAgent {
  const keep = { keepAlive: true, keepAliveMsecs: 15_000, maxSockets }
  return inShort(
    endpoint.kind === 'tcp' && endpoint.tls
      ? new HttpsAgent({ ...keep, ...endpoint.tls })
      : new HttpAgent(keep),
  )
}

/**
 * docker-modem 5 (lib/modem.js, buildRequest) inspects a request's options to any depth on every call, whether it debugs or
 * not. Behind the agent are all connections with what is sent on them, behind the signal all that listen to it: seconds
 * of work when there are many of either. So both say of themselves only what they are.
 */
function inShort<T extends object>(value: T): T {
  const words = `[${value.constructor.name}]`
  return Object.defineProperty(value, inspect.custom, { value: () => words, configurable: true })
}
