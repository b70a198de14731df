import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { WebSocketServer, type WebSocket } from 'ws'
import type { ClusterSource } from '../../server/drivers/kubernetes/api/config.ts'
import { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import type { Certificates } from './certificates.ts'

/** What a test says in place of an API server; `connection` counts TLS connections from 1. */
type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void

/**
 * Stands where an API server would, for the faults that a real one does not make on request. What a real one does is tried on a
 * real one (`test/contract/kubernetes-*.cluster.test.ts`).
 */
export interface ApiServerDouble {
  /** `https://127.0.0.1:port`. */
  url: string
  port: number
  /** Requests so far, oldest first. */
  readonly requests: readonly IncomingMessage[]
  /** TLS connections so far. */
  readonly connections: number
  readonly sockets: ReadonlySet<Socket>
  answer: Answer
  /** Called for each WebSocket; without it an upgrade goes to `answer`. */
  attach: ((socket: WebSocket, request: IncomingMessage) => void) | undefined
  close(): Promise<void>
}

/** Listens on a free port of loopback with TLS; asks for a client's certificate and takes any of the authority. */
export async function startApiServerDouble(certificates: Certificates): Promise<ApiServerDouble> {
  const requests: IncomingMessage[] = []
  const sockets = new Set<Socket>()
  /** Also those in the middle of a handshake. */
  const wires = new Set<Socket>()
  let connections = 0
  const server = createServer({ ...certificates, requestCert: true, rejectUnauthorized: false })
  const upgrades = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered][0] ?? false,
  })
  server.on('connection', (wire: Socket) => {
    wires.add(wire)
    wire.on('close', () => wires.delete(wire))
  })
  server.on('secureConnection', (socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
  })
  server.on('request', (request, response) => {
    requests.push(request)
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => double.answer(request, response, body))
  })
  server.on('upgrade', (request, socket, head) => {
    requests.push(request)
    const { attach } = double
    if (attach !== undefined) {
      upgrades.handleUpgrade(request, socket, head, (client) => attach(client, request))
      return
    }
    socket.end(
      'HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 40\r\n\r\ncontainer debug not found in pod web_s\r\n',
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const double: ApiServerDouble = {
    url: `https://127.0.0.1:${port}`,
    port,
    requests,
    get connections() {
      return connections
    },
    sockets,
    answer: (_request, response) => response.end('{}'),
    attach: undefined,
    async close() {
      server.close()
      for (const socket of [...sockets, ...wires]) socket.destroy()
      await once(server, 'close')
    },
  }
  return double
}

/** As an API server writes it. */
export function sendStatus(response: ServerResponse, code: number, message: string, more: object = {}): void {
  response.writeHead(code, {
    'Content-Type': 'application/json',
    ...('retryAfter' in more && { 'Retry-After': String(more.retryAfter) }),
  })
  response.end(
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code, ...more }),
  )
}

/** A kubeconfig with one context, as JSON, which is YAML too. */
export async function writeKubeconfig(
  directory: string,
  name: string,
  cluster: Record<string, unknown>,
  user: Record<string, unknown>,
): Promise<string> {
  const path = join(directory, name)
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }
  await writeFile(path, JSON.stringify(content))
  return path
}

export function clientFor(source: ClusterSource, impersonate = false): KubernetesClient {
  return new KubernetesClient({ environment: 'prod', source, impersonate })
}
