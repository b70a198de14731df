import { HatchwayError, messageOf } from '../../core/errors.ts'
import { isSamePerson } from '../../core/same-person.ts'
import type { SessionState } from '../../core/vocabulary.ts'
import type { Opened, StartProgress } from '../../core/driver.ts'
import type { TerminalStream } from '../../core/streams.ts'
import { Allowance } from '../../core/allowance.ts'
import type { SessionAuditEvent } from './session-audit.ts'
import type { JoinRequest, ViewerHandle, ViewerSocket } from '../sessions.ts'
import type { TerminalHub } from '../terminal/terminal-hub.ts'
import { Viewer } from '../terminal/viewer.ts'

/** Requests for control by one viewer. */
const askings = { burst: 5, perSecond: 0.5 }

/** What everybody is told who joins. */
export interface SessionNotice {
  text: string
  /** It says the same in every session there. */
  standing?: true
}

/** What an opened terminal has to tell, what is true of this one first. */
export function noticesOf({
  notices,
  standingNotices = [],
}: Pick<Opened<TerminalStream>, 'notices' | 'standingNotices'>): SessionNotice[] {
  return [
    ...notices.map((text) => ({ text })),
    ...standingNotices.map((text) => ({ text, standing: true as const })),
  ]
}

/** Others choose how often there is something to tell. */
const mostNotices = 20

/** With this one, too: each once, and of very many the newest. */
export function withNotice(notices: SessionNotice[], text: string): SessionNotice[] {
  return notices.some((known) => known.text === text) ? notices : [...notices, { text }].slice(-mostNotices)
}

interface ViewedSession {
  hub: TerminalHub
  /** As whoever joins now meets it. */
  now: () => {
    state: SessionState
    isEnding: boolean
    progress: StartProgress | undefined
    notices: readonly SessionNotice[]
  }
  audit: (event: SessionAuditEvent) => Promise<void>
}

/** Who joins a session, and who of them is in control. */
export class SessionViewers {
  readonly #session: ViewedSession
  #next = 1
  /** Who becomes the controller is decided one after the other, each with its event: two at once would both be told so. */
  #turn: Promise<unknown> = Promise.resolve()
  readonly #asking = new WeakSet<Viewer>()
  readonly #askings = new WeakMap<Viewer, Allowance>()

  constructor(session: ViewedSession) {
    this.#session = session
  }

  /** Writes the audit event first; then `hello` and output go to the socket. Throws `session_ended`. */
  join(socket: ViewerSocket, request: JoinRequest): Promise<ViewerHandle> {
    if (request.role !== 'controller' || !request.mayControl) return this.#join(socket, request)
    return this.#inTurn(() => this.#join(socket, request))
  }

  async #join(socket: ViewerSocket, request: JoinRequest): Promise<ViewerHandle> {
    const { hub, audit } = this.#session
    const role = request.role === 'controller' && this.#mayTakeControl(request) ? 'controller' : 'observer'
    await audit({ kind: 'viewed', who: request.who, from: request.from, detail: { role } })
    if (this.#session.now().isEnding) throw new HatchwayError('session_ended', 'The session has just ended.')
    const { who, mayControl } = request
    const viewer = new Viewer(hub, socket, { id: `v${this.#next++}`, who, role, mayControl })
    const { offset, resume } = viewer.begin(request.offset)
    const liveFrom = hub.history.end
    viewer.send({ type: 'hello', session: request.describe(), role, offset, liveFrom, size: hub.size })
    const { state, progress, notices } = this.#session.now()
    if (state === 'pending-approval') viewer.send({ type: 'state', state: 'pending-approval' })
    if (progress !== undefined) viewer.send({ type: 'state', state: 'starting', progress })
    hub.add(viewer)
    for (const notice of notices) viewer.send({ type: 'notice', level: 'info', ...notice })
    const { controller } = hub
    if (request.role === 'controller' && role === 'observer' && controller !== undefined) {
      const text = `${controller.who.name} is in control; you are watching.`
      viewer.send({ type: 'notice', level: 'info', text })
    }
    resume()
    return viewer
  }

  /** Gives control to a viewer who asks for it and may have it, once that is in the audit log. */
  async takeControl(viewer: Viewer): Promise<void> {
    if (!viewer.mayControl) {
      viewer.send({
        type: 'notice',
        level: 'warning',
        text: 'Policy lets you watch this session, not control it.',
      })
      return
    }
    if (!this.#mayAsk(viewer)) return
    this.#asking.add(viewer)
    try {
      await this.#inTurn(() => this.#take(viewer))
    } finally {
      this.#asking.delete(viewer)
    }
  }

  async #take(viewer: Viewer): Promise<void> {
    const { hub, audit } = this.#session
    if (viewer.gone || viewer === hub.controller) return
    const before = hub.controller?.who
    const taken = {
      takenFrom: before?.subject ?? 'nobody',
      ...(before !== undefined && { takenFromIssuer: before.issuer }),
    }
    try {
      await audit({ kind: 'controlled', who: viewer.who, detail: taken })
    } catch (cause) {
      viewer.send({ type: 'notice', level: 'error', text: messageOf(cause) })
      return
    }
    if (!viewer.gone && !this.#session.now().isEnding) hub.giveControl(viewer)
  }

  /** One at a time, and no more often than people do: each is an event in the audit log. */
  #mayAsk(viewer: Viewer): boolean {
    if (this.#asking.has(viewer)) return false
    const allowance = this.#askings.get(viewer) ?? new Allowance(askings)
    this.#askings.set(viewer, allowance)
    return allowance.take()
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  #mayTakeControl(request: JoinRequest): boolean {
    const { controller } = this.#session.hub
    // The same person on a new connection goes on; another person has to ask by `take-control`.
    return request.mayControl && (controller === undefined || isSamePerson(controller.who, request.who))
  }
}
