import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { ClusterCredential } from './credentials.ts'

export interface Sending {
  method: string
  /** Encoded, with the query. */
  path: string
  headers: Readonly<Record<string, string | string[]>>
  body?: string
  signal: AbortSignal
}

/** The kept-alive connections to one API server. New ones are made when credentials change, and the old ones run out. */
export class KubernetesConnections {
  #agent: { connection: string; made: Promise<HttpAgent> } | undefined

  /** Load balancers cut idle connections after a minute; ours end before. */
  async agent(credential: ClusterCredential): Promise<HttpAgent> {
    const { connection, server, tls, proxied } = credential
    if (this.#agent?.connection === connection) return await this.#agent.made
    void this.#agent?.made.then(retire, () => {})
    const options = { keepAlive: true, keepAliveMsecs: 15_000, timeout: 50_000, maxFreeSockets: 16 }
    const made =
      proxied?.() ??
      Promise.resolve(
        server.protocol === 'http:' ? new HttpAgent(options) : new HttpsAgent({ ...options, ...tls }),
      )
    this.#agent = { connection, made }
    made.catch(() => (this.#agent = undefined))
    return await made
  }

  /** Resolves with the headers of the answer, whatever its status. Rejects with the system's error. */
  async send(credential: ClusterCredential, sending: Sending): Promise<IncomingMessage> {
    const agent = await this.agent(credential)
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const { server, headers } = credential
    const { body, method, signal } = sending
    const options = {
      agent,
      method,
      path: `${server.pathname.replace(/\/$/, '')}${sending.path}`,
      host: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port || (server.protocol === 'http:' ? 80 : 443),
      headers: {
        ...headers,
        ...sending.headers,
        'User-Agent': 'hatchway',
        ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) }),
      },
      signal,
    }
    const request: ClientRequest = (server.protocol === 'http:' ? httpRequest : httpsRequest)(options)
    request.on('response', resolve)
    request.on('error', (cause) => reject(request.reusedSocket ? new StaleConnectionError(cause) : cause))
    request.end(body)
    return await promise
  }

  close(): void {
    void this.#agent?.made.then((agent) => agent.destroy()).catch(() => {})
    this.#agent = undefined
  }
}

/** A kept-alive connection was closed by the other side just as a request was sent on it. */
export class StaleConnectionError extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

/** What is idle ends now, what is in use when it is done: a terminal goes on with the certificate that it began with. */
function retire(agent: HttpAgent): void {
  agent.maxFreeSockets = 0
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}
