import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { refusal } from './answer.ts'
import type { DockerClient } from './client.ts'
import { translateDockerError } from './errors.ts'

// Detaching by keys is the engine's default and eats Ctrl-P (moby#12510), and it can't be switched off: an empty
// value means the default. So: a sequence of bytes that no UTF-8 text and no keyboard holds.
const ttyQuery = 'stream=1&stdin=1&stdout=1&stderr=1&detachKeys=%FE%2C%C1%2C%FE%2C%C0%2C%FE%2C%F5%2C%FE%2C%FF'
const outputQuery = 'stream=1&stdout=1&stderr=1'

/**
 * The tty of a container as its raw socket, or the output of one that has none: pausing it pauses the process, and ending
 * a tty's ends stdin. The request has no body: dockerode's carries its options, and a body that arrives late ends up in the
 * shell's stdin (apocas/dockerode#777).
 */
export async function attachTo(
  client: DockerClient,
  { id, tty }: { id: string; tty: boolean },
  signal: AbortSignal,
): Promise<Socket> {
  const headers = { Connection: 'Upgrade', Upgrade: 'tcp', 'Content-Length': '0' }
  const path = `/containers/${id}/attach?${tty ? ttyQuery : outputQuery}`
  const request = await rawRequest(client, 'POST', path, headers, signal)
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const give = (cause: Error) => {
    request.destroy()
    reject(cause)
  }
  const limit = setTimeout(() => give(new Error('no answer')), 15_000)
  const stop = () => give(new Error('aborted'))
  signal.addEventListener('abort', stop, { once: true })
  request.on('upgrade', (_response: IncomingMessage, socket: Socket, head: Buffer) => {
    if (head.length > 0) socket.unshift(head)
    // A tcp engine that vanishes without a FIN is noticed; nothing else ends an idle terminal.
    socket.setKeepAlive(true, 15_000)
    socket.setNoDelay(true)
    socket.setTimeout(0)
    resolve(socket)
  })
  request.on('response', (response) => void refusal(response).then(give))
  request.on('error', give)
  request.end()
  try {
    signal.throwIfAborted()
    return await promise
  } catch (cause) {
    const { environment, endpoint } = client
    const doing = 'attach to the debug container'
    throw translateDockerError(cause, { doing, environment, endpoint, cancelled: signal.aborted })
  } finally {
    clearTimeout(limit)
    signal.removeEventListener('abort', stop)
  }
}

/** A pending question for a container's exit code. */
export interface ExitWatch {
  /** Resolves when the engine has taken note: from then on no exit is missed. */
  registered: Promise<void>
  /** Undefined when the connection broke or the container was not found. Never rejects. */
  exitCode: Promise<number | undefined>
  close(): void
}

/** Asks for the exit code; `next-exit` before a start, `not-running` for a container that may already have ended. */
export function watchExit(
  client: DockerClient,
  id: string,
  condition: 'next-exit' | 'not-running',
): ExitWatch {
  const registered = Promise.withResolvers<void>()
  const exitCode = Promise.withResolvers<number | undefined>()
  const controller = new AbortController()
  const fail = () => {
    registered.resolve()
    exitCode.resolve(undefined)
  }
  const ask = async () => {
    const path = `/containers/${id}/wait?condition=${condition}`
    const request = await rawRequest(client, 'POST', path, {}, controller.signal)
    controller.signal.addEventListener('abort', () => request.destroy(), { once: true })
    request.on('error', fail)
    request.on('socket', (socket) => socket.setKeepAlive(true, 15_000))
    // The headers come at once since API 1.30, the body at the exit.
    request.on('response', (response) => {
      registered.resolve()
      void text(response).then((body) => exitCode.resolve(statusCodeIn(response.statusCode, body)), fail)
    })
    request.end()
  }
  ask().catch(fail)
  return { registered: registered.promise, exitCode: exitCode.promise, close: () => controller.abort() }
}

function statusCodeIn(status: number | undefined, body: string): number | undefined {
  if (status !== 200) return undefined
  try {
    const answer: unknown = JSON.parse(body)
    const code =
      typeof answer === 'object' && answer !== null && 'StatusCode' in answer ? answer.StatusCode : undefined
    return typeof code === 'number' ? code : undefined
  } catch {
    return undefined
  }
}

async function rawRequest(
  client: DockerClient,
  method: string,
  path: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<ClientRequest> {
  const { secure, ...options } = await client.rawOptions(method, path, signal)
  return (secure ? httpsRequest : httpRequest)({ ...options, headers })
}
