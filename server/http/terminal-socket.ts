/** `GET /api/v1/sessions/{id}/terminal`: the WebSocket of DESIGN 4, docs/terminal-protocol.md. */
import websocket from '@fastify/websocket'
import type { FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { z } from 'zod'
import { HatchwayError } from '../core/errors.ts'
import { closeCodes, flow, subprotocol } from '../protocol/terminal.ts'
import type { BrowserLogins } from '../core/authentication.ts'
import type { Admission as SessionAdmission, SessionCases } from '../gateway/sessions.ts'
import { toApiSession } from './api-session.ts'
import { callerOf, type Caller } from './authenticate.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { problems } from './openapi.ts'
import { sessionParams } from './session-routes.ts'
import type { SocketOwner, TerminalSockets } from './terminal-sockets.ts'
import { TerminalViewer } from './terminal-viewer.ts'
import type { TypedApp } from './typed-app.ts'
import { watchSignIn } from './watch-sign-in.ts'

const tickMs = 15_000
/** A peer that was silent for so many ticks is gone. */
const maxQuietTicks = 2

const terminalQuery = z.strictObject({
  ticket: z.string().max(200).optional().describe('one-use, from POST …/ticket'),
  offset: z.coerce
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('resume: bytes of output already processed'),
  role: z.enum(['controller', 'observer']).default('controller'),
})

/** Everything that was decided before the upgrade. */
interface Admission extends SessionAdmission {
  caller: Caller
}

export interface TerminalSocketDeps {
  sessions: Pick<SessionCases, 'admit' | 'rights' | 'view'>
  logins: Pick<BrowserLogins, 'findKey' | 'knownKey'>
  sockets: TerminalSockets
}

declare module 'fastify' {
  interface FastifyRequest {
    admission: Admission | null
  }
}

/** Must be registered before every route: it dispatches upgrades through the router. */
export async function registerWebsockets(app: TypedApp, sockets: TerminalSockets): Promise<void> {
  await app.register(websocket, {
    options: {
      maxPayload: flow.maxFrame,
      perMessageDeflate: false,
      clientTracking: false,
      // TerminalViewer answers, within its bound.
      autoPong: false,
      handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
    },
    // ws has already answered with its own close code, such as 1009 for a frame that is too large.
    errorHandler: (error, socket, request) => {
      request.log.info({ err: error }, 'terminal socket failed')
      if (socket.readyState === socket.OPEN) socket.close(1011, 'internal error')
    },
    preClose: () => sockets.drain(),
  })
}

export function registerTerminalSocket(app: TypedApp, deps: TerminalSocketDeps): void {
  app.decorateRequest('admission', null)
  app.route({
    method: 'GET',
    url: '/api/v1/sessions/:id/terminal',
    config: { terminal: true },
    schema: {
      operationId: 'openTerminal',
      summary: `The terminal: a WebSocket with subprotocol ${subprotocol}`,
      params: sessionParams,
      querystring: terminalQuery,
      response: {
        101: z.null().describe('Terminal bytes in binary frames, JSON control messages in text frames'),
        ...problems(400, 401, 403, 404, 409, 410, 429, 503),
      },
    },
    preHandler: async (request) => {
      request.admission = await admit(deps, request, request.params.id)
    },
    handler: () => {
      throw new HatchwayError(
        'invalid_request',
        `Open this address as a WebSocket with subprotocol ${subprotocol}.`,
      )
    },
    wsHandler: (socket, request) => {
      serve(deps, socket, request, request.query)
    },
  })
}

async function admit(
  { sessions, sockets }: TerminalSocketDeps,
  request: FastifyRequest,
  id: string,
): Promise<Admission> {
  const caller = callerOf(request)
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  if (!offered.includes(subprotocol)) {
    throw new HatchwayError(
      'invalid_request',
      `Offer the subprotocol ${subprotocol} in Sec-WebSocket-Protocol.`,
    )
  }
  const admission = await sessions.admit(caller, id)
  const full = sockets.refusal(ownerOf(caller, id))
  if (full !== undefined) throw new HatchwayError('too_many_connections', full)
  return { ...admission, caller }
}

function ownerOf({ who, login }: Caller, sessionId: string): SocketOwner {
  return { person: JSON.stringify([who.issuer, who.subject]), sessionId, loginKey: login?.key }
}

function serve(
  { sessions, logins, sockets }: TerminalSocketDeps,
  socket: WebSocket,
  request: FastifyRequest,
  query: z.infer<typeof terminalQuery>,
): void {
  const viewer = new TerminalViewer(socket)
  const { admission } = request
  if (admission === null) throw new Error('a terminal socket was upgraded without admission')
  const { caller, live, mayControl } = admission
  const recheck = () => isStillAdmitted(sessions, viewer, admission)
  const owner = ownerOf(caller, live.row.id)
  // Again: many may have been admitted at once.
  if (sockets.refusal(owner) !== undefined) {
    viewer.close(closeCodes.tooSlow, 'too_many_connections')
    return
  }
  sockets.add(socket, owner, recheck)
  const log = request.log.child({ session: live.row.id, subject: caller.who.subject })
  log.info({ role: query.role, from: caller.from }, 'terminal socket opened')
  const join = viewer.enter((joining) =>
    live.join(
      joining,
      withoutUndefined({
        who: caller.who,
        from: caller.from,
        role: query.role,
        mayControl,
        offset: query.offset,
        describe: () => toApiSession(sessions.view(caller.who, live.row)),
      }),
    ),
  )
  const ticks = setInterval(() => tick(viewer, socket, recheck), tickMs)
  const stopExpiry = join.then(() => watchSignIn(logins, viewer, socket, { caller, onRenewed: recheck }))
  socket.once('close', (code) => {
    log.info({ code }, 'terminal socket closed')
    clearInterval(ticks)
    void stopExpiry.then(
      (stop) => stop(),
      () => {},
    )
  })
  stopExpiry.catch((error: unknown) => {
    log.error({ err: error }, 'terminal socket could not join its session')
    viewer.close(1011, 'internal error')
  })
}

/** Closes it when policy no longer lets its caller be there as what they came as: they may come back as less. */
function isStillAdmitted(
  sessions: Pick<SessionCases, 'rights'>,
  viewer: TerminalViewer,
  { caller, live, mayControl }: Admission,
): boolean {
  const rights = sessions.rights(caller.who, live.row)
  if ((!mayControl || rights.control) && (rights.watch || rights.control)) return true
  // What ends its user's right ends the session, which tells its viewers itself.
  if (live.ending) return true
  viewer.close(closeCodes.revoked, 'policy no longer allows this')
  return false
}

/** Is the peer still there, and does policy still let it be here? */
function tick(viewer: TerminalViewer, socket: WebSocket, isAdmitted: () => boolean): void {
  if (!isAdmitted()) return
  // A paused socket is not read, so its pongs are not seen; the kernel's keepalive watches it.
  if (!viewer.paused && ++viewer.quietTicks > maxQuietTicks) {
    socket.terminate()
    return
  }
  if (socket.readyState === socket.OPEN) socket.ping()
}
