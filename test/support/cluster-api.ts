import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { dirname, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { WebSocket } from 'ws'
import { parse } from 'yaml'

/** A refusal by the API server: its status code, its reason and its own words. */
export class ClusterApiError extends Error {
  readonly status: number
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(`${status} ${reason}: ${message}`)
    this.name = 'ClusterApiError'
    this.status = status
    this.reason = reason
  }
}

export type PatchType = 'json' | 'merge' | 'strategic-merge'

interface Credentials {
  server: URL
  agent: Agent
  headers: Readonly<Record<string, string>>
}

/** A small client of the Kubernetes API for tests: paths in, objects out, on kept-alive connections. */
export class ClusterApi {
  readonly #credentials: Credentials

  constructor(credentials: Credentials) {
    this.#credentials = credentials
  }

  /**
   * The user of a kubeconfig's current context, or of the named one. Client certificates and tokens; throws for a user
   * that has neither, such as one with an exec plugin.
   */
  static async fromKubeconfig(path: string, context?: string): Promise<ClusterApi> {
    const config = parse(await readFile(path, 'utf8')) as Kubeconfig
    const name = context ?? config['current-context']
    const chosen = config.contexts.find((each) => each.name === name)?.context
    const cluster = config.clusters.find((each) => each.name === chosen?.cluster)?.cluster
    const user = config.users.find((each) => each.name === chosen?.user)?.user
    if (!cluster || !user) throw new Error(`${path} has no whole context ${name}`)
    const material = async (data: string | undefined, file: string | undefined) =>
      data !== undefined
        ? Buffer.from(data, 'base64')
        : file !== undefined
          ? readFile(resolve(dirname(path), file))
          : undefined
    const cert = await material(user['client-certificate-data'], user['client-certificate'])
    const key = await material(user['client-key-data'], user['client-key'])
    const ca = await material(cluster['certificate-authority-data'], cluster['certificate-authority'])
    if (!cert && user.token === undefined) {
      throw new Error(`The user of ${name} in ${path} has neither a client certificate nor a token`)
    }
    const agent = new Agent({
      keepAlive: true,
      maxSockets: 64,
      rejectUnauthorized: cluster['insecure-skip-tls-verify'] !== true,
      ...(ca && { ca }),
      ...(cert && key && { cert, key }),
    })
    const headers = user.token === undefined ? {} : { authorization: `Bearer ${user.token}` }
    return new ClusterApi({ server: new URL(cluster.server), agent, headers })
  }

  /** The same user, acting as another: only `system:authenticated` is added to the groups by the server. */
  as(user: string, ...groups: string[]): ClusterApi {
    const { headers, ...rest } = this.#credentials
    const acting: Record<string, string | string[]> = { ...headers, 'impersonate-user': user }
    if (groups.length > 0) acting['impersonate-group'] = groups
    return new ClusterApi({ ...rest, headers: acting as Record<string, string> })
  }

  get<T = KubernetesObject>(path: string): Promise<T> {
    return this.#send('GET', path)
  }

  create<T = KubernetesObject>(path: string, body: unknown): Promise<T> {
    return this.#send('POST', path, body)
  }

  replace<T = KubernetesObject>(path: string, body: unknown): Promise<T> {
    return this.#send('PUT', path, body)
  }

  patch<T = KubernetesObject>(path: string, body: unknown, type: PatchType = 'strategic-merge'): Promise<T> {
    return this.#send('PATCH', path, body, `application/${type}-patch+json`)
  }

  delete(path: string, options: { gracePeriodSeconds?: number } = {}): Promise<void> {
    return this.#send('DELETE', path, options)
  }

  /** What answers in text, such as a container's log. */
  text(path: string): Promise<string> {
    return this.#exchange('GET', path)
  }

  /** For attach and exec, as the same user; listen for `open` and `error`. */
  webSocket(path: string, subprotocol: string): WebSocket {
    const { server, agent, headers } = this.#credentials
    const { ca, cert, key, rejectUnauthorized } = agent.options
    const tls = { ca, cert, key, rejectUnauthorized }
    return new WebSocket(new URL(path, server), subprotocol, { ...tls, headers, perMessageDeflate: false })
  }

  /** Lets go of the connections, which would otherwise keep a process alive for a while. */
  close(): void {
    this.#credentials.agent.destroy()
  }

  async #send<T>(method: string, path: string, body?: unknown, contentType?: string): Promise<T> {
    return JSON.parse(await this.#exchange(method, path, body, contentType)) as T
  }

  async #exchange(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<string> {
    const { server, agent, headers } = this.#credentials
    const payload = body === undefined ? '' : JSON.stringify(body)
    // Node gives a DELETE no length by itself, and the server would read its body as the next request.
    const length = { 'content-length': Buffer.byteLength(payload) }
    const { promise, resolve: answered, reject } = Promise.withResolvers<{ status: number; said: string }>()
    const sent = request(
      new URL(path, server),
      {
        method,
        agent,
        headers: { accept: 'application/json, */*', 'content-type': contentType, ...length, ...headers },
        signal: AbortSignal.timeout(30_000),
      },
      (response) => {
        text(response).then((said) => answered({ status: response.statusCode ?? 0, said }), reject)
      },
    )
    sent.on('error', reject)
    sent.end(payload)
    const { status, said } = await promise
    if (status < 300) return said
    throw refusal(status, said)
  }
}

function refusal(status: number, said: string): ClusterApiError {
  try {
    const { reason = '', message = said } = JSON.parse(said) as { reason?: string; message?: string }
    return new ClusterApiError(status, reason, message)
  } catch {
    return new ClusterApiError(status, '', said)
  }
}

export interface KubernetesObject {
  metadata: { name: string; namespace?: string; uid: string; resourceVersion: string }
  [field: string]: unknown
}

interface Kubeconfig {
  'current-context': string
  contexts: { name: string; context: { cluster: string; user: string } }[]
  clusters: {
    name: string
    cluster: {
      server: string
      'certificate-authority'?: string
      'certificate-authority-data'?: string
      'insecure-skip-tls-verify'?: boolean
    }
  }[]
  users: {
    name: string
    user: {
      'client-certificate'?: string
      'client-certificate-data'?: string
      'client-key'?: string
      'client-key-data'?: string
      token?: string
    }
  }[]
}
