/**
 * Loaded into a gateway by `--import`: notes when a request, a call to the engine, a commit, a key and an echo pass, and
 * writes each on a line of its own to stderr: `@path <nanoseconds of CLOCK_MONOTONIC> <what>`. The product knows nothing of it.
 */
import { channel } from 'node:diagnostics_channel'
import { ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { isMainThread, Worker } from 'node:worker_threads'
import { WebSocket } from 'ws'

const kept: string[] = []
const idText = /[0-9a-f]{12,}|[0-9a-z]{20,}/g

function note(what: string): void {
  kept.push(`@path ${process.hrtime.bigint()} ${what}\n`)
}

function follow(name: string, tell: (message: never) => string | undefined): void {
  channel(name).subscribe((message) => {
    const what = tell(message as never)
    if (what !== undefined) note(what)
  })
}

/** Method and path, with an ellipsis for each id. */
function named(method: string | undefined, path: string | undefined): string {
  return `${method} ${(path ?? '').replace(idText, '…').replace(/\?.*/, '')}`
}

/** Calls `before` ahead of a method that stays as it is. */
function watch<T extends object>(
  owner: T,
  method: keyof T & string,
  before: (self: T, args: unknown[]) => void,
): void {
  const own = owner[method] as (...args: unknown[]) => unknown
  const watched = function (this: T, ...args: unknown[]): unknown {
    before(this, args)
    return own.apply(this, args)
  }
  Object.defineProperty(owner, method, { value: watched, writable: true, configurable: true })
}

function watchRequests(): void {
  type Server = { request: IncomingMessage; response: ServerResponse }
  type Client = { request: ClientRequest }
  follow('http.server.request.start', ({ request }: Server) => `asked ${named(request.method, request.url)}`)
  follow(
    'http.server.response.finish',
    ({ request }: Server) => `answered ${named(request.method, request.url)}`,
  )
  follow(
    'http.client.request.start',
    ({ request }: Client) => `engine > ${named(request.method, request.path)}`,
  )
  follow(
    'http.client.response.finish',
    ({ request }: Client) => `engine < ${named(request.method, request.path)}`,
  )
}

function watchStore(): void {
  watch(Worker.prototype, 'postMessage', (_worker, [message]) => {
    if (typeof message !== 'object' || message === null || !('sql' in message)) return
    note(`store > ${String(message.sql).slice(0, 40).replaceAll('"', '')}`)
  })
  watch(Worker.prototype, 'emit', (_worker, [type]) => {
    if (type === 'message') note('store <')
  })
}

function watchTerminal(): void {
  // An attachment is what becomes of a request that was upgraded.
  const attached = new WeakSet<object>()
  watch(ClientRequest.prototype, 'emit', (_request, [type, , socket]) => {
    if (type === 'upgrade' && socket instanceof Socket) attached.add(socket)
  })
  watch(WebSocket.prototype, 'emit', (_socket, [type, , isBinary]) => {
    if (type === 'message' && isBinary === true) note('key in')
  })
  watch(WebSocket.prototype, 'send', (_socket, [data]) => {
    if (typeof data !== 'string') note('echo out')
  })
  watch(Socket.prototype, 'write', (socket, [data]) => {
    if (attached.has(socket) && data !== undefined) note('key out')
  })
  watch(Socket.prototype, 'push', (socket, [data]) => {
    if (attached.has(socket) && data !== null) note('echo in')
  })
}

if (isMainThread) {
  watchRequests()
  watchStore()
  watchTerminal()
  // Written between the rounds, not while they are timed.
  setInterval(() => process.stderr.write(kept.splice(0).join('')), 500).unref()
}
