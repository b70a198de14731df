import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import { StaleConnectionError } from './kubernetes-connection.ts'
import type { ClusterCredential } from './kubernetes-credentials.ts'
import { KubernetesRefusal } from './kubernetes-errors.ts'

interface Opening {
  credential: ClusterCredential
  agent: Agent
  /** Encoded, with the query. */
  path: string
  /** All of them, `Authorization` too. */
  headers: Readonly<Record<string, string | string[]>>
  protocols: readonly string[]
  signal: AbortSignal
}

/** The kubelet sends at most 32 KiB at once, and a status of a few hundred bytes. */
const maxPayload = 4 * 1024 * 1024
const maxRefusalBytes = 64 * 1024

/** Resolves with an open and paused socket; rejects with a KubernetesRefusal or the system's error. */
export async function openWebSocket(opening: Opening): Promise<WebSocket> {
  const { credential, agent, path, headers, protocols, signal } = opening
  const { server } = credential
  const scheme = server.protocol === 'http:' ? 'ws:' : 'wss:'
  const address = `${scheme}//${server.host}${server.pathname.replace(/\/$/, '')}${path}`
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>()
  let sent: ClientRequest | undefined
  const socket = new WebSocket(address, [...protocols], {
    agent,
    // ws knows no lists of values, but hands them on to node:http, which does.
    headers: { ...headers, 'User-Agent': 'hatchway' } as Record<string, string>,
    perMessageDeflate: false,
    maxPayload,
    followRedirects: false,
    finishRequest: (request) => {
      sent = request
      request.end()
    },
  })
  const stop = () => {
    reject(new Error('aborted'))
    socket.terminate()
  }
  // Before anything that has arrived with the upgrade is told: the caller is not listening yet.
  socket.on('open', () => {
    socket.pause()
    resolve(socket)
  })
  socket.on('unexpected-response', (request: ClientRequest, response: IncomingMessage) => {
    // The API server has taken the connection out of HTTP to proxy it and closes it now: nobody else may be given it.
    request.shouldKeepAlive = false
    const wire = response.socket
    void readRefusal(response)
      .finally(() => wire.destroy())
      .then(reject)
  })
  // Also after opening: what broke is told by the close that follows.
  socket.on('error', (cause) => reject(sent?.reusedSocket ? new StaleConnectionError(cause) : cause))
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) stop()
    return await promise
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function readRefusal(response: IncomingMessage): Promise<KubernetesRefusal> {
  let words = ''
  try {
    for await (const chunk of response) {
      words += String(chunk)
      if (words.length > maxRefusalBytes) break
    }
  } catch {
    // The status is what counts.
  }
  return new KubernetesRefusal(response.statusCode ?? 0, words)
}
