import { request, type RequestOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { Lane, LaneTerminal } from './lane.ts'

/** What every lane starts: the same container, whoever starts it. */
export interface Sidecar {
  socketPath: string
  targetId: string
  image: string
  user: string
}

/** The bare engine: create, attach, start by plain HTTP, nothing in between and nothing recorded. */
export function engineLane(sidecar: Sidecar): Lane {
  return { name: 'engine, direct attach', open: () => openOnEngine(sidecar), close: () => Promise.resolve() }
}

async function openOnEngine({ socketPath, targetId, image, user }: Sidecar): Promise<LaneTerminal> {
  const started = performance.now()
  const created = await call(socketPath, 'POST', '/containers/create', {
    Image: image,
    Cmd: ['sh'],
    User: user,
    Tty: true,
    OpenStdin: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      PidMode: `container:${targetId}`,
      NetworkMode: `container:${targetId}`,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      AutoRemove: true,
      LogConfig: { Type: 'none' },
    },
  })
  const { Id: id } = JSON.parse(created) as { Id: string }
  const socket = await attach(socketPath, id)
  let listener: ((bytes: Buffer) => void) | undefined
  const early: Buffer[] = []
  const first = Promise.withResolvers<number>()
  socket.on('data', (bytes: Buffer) => {
    first.resolve(performance.now())
    if (listener === undefined) early.push(bytes)
    else listener(bytes)
  })
  await Promise.all([call(socketPath, 'POST', `/containers/${id}/start`), first.promise])
  return {
    promptMs: (await first.promise) - started,
    write: (bytes) => socket.write(bytes),
    onData(next) {
      listener = next
      for (const bytes of early.splice(0)) next(bytes)
    },
    async close() {
      await call(socketPath, 'DELETE', `/containers/${id}?force=1`).catch(() => undefined)
      socket.destroy()
    },
  }
}

function attach(socketPath: string, id: string): Promise<Socket> {
  const path = `/containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1&detachKeys=ctrl-%5E`
  const headers = { connection: 'Upgrade', upgrade: 'tcp', 'content-length': '0' }
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const attaching = request({ socketPath, method: 'POST', path, headers })
  attaching.on('upgrade', (_response, socket, head) => {
    if (head.length > 0) socket.unshift(head)
    resolve(socket)
  })
  attaching.on('response', (response) => reject(new Error(`attach answered ${response.statusCode}`)))
  attaching.on('error', reject)
  attaching.end()
  return promise
}

async function call(socketPath: string, method: string, path: string, body?: unknown): Promise<string> {
  const payload = body === undefined ? '' : JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
  const options: RequestOptions = { socketPath, method, path, headers }
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const sent = request(options, (response) => {
    const parts: Buffer[] = []
    response.on('data', (part: Buffer) => parts.push(part))
    response.on('end', () => {
      const text = Buffer.concat(parts).toString()
      if ((response.statusCode ?? 500) < 400) resolve(text)
      else reject(new Error(`${method} ${path} answered ${response.statusCode}: ${text}`))
    })
  })
  sent.on('error', reject)
  sent.end(payload)
  return promise
}
