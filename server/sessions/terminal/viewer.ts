import type { Principal } from '../../core/policy.ts'
import { personOf } from '../../core/same-person.ts'
import type { ViewerInfo } from '../../core/session.ts'
import {
  closeCodes,
  flow,
  type ClientMessage,
  type Role,
  type ServerMessage,
} from '../../protocol/terminal.ts'
import type { OutputHistory } from './output-history.ts'
import type { ViewerHandle, ViewerSocket } from '../sessions.ts'

/** What a viewer asks of its session as a whole. */
export type HostMessage = Extract<ClientMessage, { type: 'resize' | 'take-control' }>

/** What a viewer may ask of its session. */
export interface ViewerHost {
  readonly history: OutputHistory
  /** Output is not shown until this resolves: an interrupt made it stale. */
  readonly skipping: Promise<void> | undefined
  onInput(viewer: Viewer, bytes: Uint8Array): void
  onMessage(viewer: Viewer, message: HostMessage): void
  /** How much is unacknowledged has changed. */
  onFlow(): void
  onLeave(viewer: Viewer): void
}

/** Snapshots tried in a row while output runs faster than they can be drawn. */
const snapshotTries = 5

/**
 * One joined socket: where it is in the output, and how it catches up. The session offers every chunk; a viewer that
 * has fallen behind ignores them and later continues from the ring, or from a screen snapshot.
 */
export class Viewer implements ViewerHandle {
  readonly who: Principal
  readonly mayControl: boolean
  readonly #id: string
  readonly #socket: ViewerSocket
  readonly #host: ViewerHost
  #role: Role
  #sent = 0
  #acked = 0
  #state: 'live' | 'behind' | 'resetting' | 'gone' = 'behind'
  #toldReadOnly = false
  #isHeld = false
  #isSkipping = false

  constructor(
    host: ViewerHost,
    socket: ViewerSocket,
    options: { id: string; who: Principal; role: Role; mayControl: boolean },
  ) {
    this.#host = host
    this.#socket = socket
    this.#id = options.id
    this.who = options.who
    this.mayControl = options.mayControl
    this.#role = options.role
  }

  get info(): ViewerInfo {
    return { id: this.#id, ...personOf(this.who), role: this.#role }
  }

  get role(): Role {
    return this.#role
  }

  set role(role: Role) {
    this.#role = role
    this.#toldReadOnly = false
  }

  /** Bytes sent that the viewer has not acknowledged. */
  get unacked(): number {
    return this.#sent - this.#acked
  }

  /** Acknowledged position: it moves while the viewer is alive. */
  get acked(): number {
    return this.#acked
  }

  /** Output was skipped, and the screen that stands for it has not been sent yet. */
  get isSkipping(): boolean {
    return this.#isSkipping
  }

  get gone(): boolean {
    return this.#state === 'gone'
  }

  /** Where the output of this viewer begins: its resume point if all since then is held, else a reset follows. */
  begin(offset: number | undefined): { offset: number; resume: () => void } {
    const { history } = this.#host
    const start = offset ?? 0
    const held = history.from(start) !== undefined
    const from = held ? start : history.end
    this.#sent = from
    this.#acked = from
    return { offset: from, resume: () => (held ? this.#catchUp() : void this.#reset()) }
  }

  send(message: ServerMessage): void {
    if (this.#state !== 'gone') this.#socket.send(message)
  }

  /** The next chunk of output, which ends at `end`. */
  offer(bytes: Uint8Array, end: number): void {
    if (this.#state !== 'live') return
    this.#socket.sendBytes(bytes)
    this.#sent = end
    if (this.#role === 'observer' && this.unacked > flow.observerHighWater) this.#state = 'behind'
  }

  /** Shows nothing until the host's `skipping` is over, then the screen as it is by then. */
  skip(): void {
    if (this.#state !== 'gone' && this.#state !== 'resetting') void this.#reset()
  }

  close(code: number, reason: string): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#socket.close(code, reason)
  }

  pauseInput(): void {
    if (this.#isHeld) return
    this.#isHeld = true
    this.#socket.pause()
  }

  resumeInput(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#socket.resume()
  }

  input(bytes: Uint8Array): void {
    if (this.#state === 'gone') return
    if (this.#role === 'controller') {
      this.#host.onInput(this, bytes)
    } else if (!this.#toldReadOnly) {
      this.#toldReadOnly = true
      this.send({ type: 'notice', level: 'info', text: 'You are watching: what you type is not sent.' })
    }
  }

  control(message: ClientMessage): void {
    if (this.#state === 'gone') return
    if (message.type === 'ping') {
      this.send({ type: 'pong', id: message.id })
    } else if (message.type === 'input') {
      this.input(Buffer.from(message.data))
    } else if (message.type === 'ack') {
      this.#acked = Math.max(this.#acked, Math.min(message.offset, this.#sent))
      if (this.#state === 'behind' && this.unacked <= flow.lowWater) this.#catchUp()
      this.#host.onFlow()
    } else {
      this.#host.onMessage(this, message)
    }
  }

  leave(): void {
    this.#state = 'gone'
    this.#host.onLeave(this)
  }

  #catchUp(): void {
    const views = this.#host.history.from(this.#sent)
    if (views === undefined || this.#host.skipping !== undefined) {
      void this.#reset()
      return
    }
    for (const view of views) this.#socket.sendBytes(view)
    this.#sent = this.#host.history.end
    this.#state = 'live'
    this.#isSkipping = false
    if (this.#role === 'observer' && this.unacked > flow.observerHighWater) this.#state = 'behind'
    this.#host.onFlow()
  }

  async #skipped(): Promise<void> {
    const { skipping } = this.#host
    if (skipping === undefined) return
    this.#isSkipping = true
    await skipping
  }

  /** Never rejects: a viewer that can't be drawn for is asked to come again. */
  async #reset(): Promise<void> {
    this.#state = 'resetting'
    for (let tries = 0; tries < snapshotTries; tries++) {
      try {
        await this.#skipped()
        if (this.gone) return
        const { offset, size, data } = await this.#host.history.snapshot()
        if (this.gone) return
        if (this.#host.history.from(offset) === undefined) continue
        this.#socket.send({ type: 'reset', offset, size, snapshotBytes: data.length })
        if (data.length > 0) this.#socket.sendBytes(data)
        this.#sent = offset
        this.#acked = offset
        this.#catchUp()
        return
      } catch {
        break
      }
    }
    this.close(closeCodes.tooSlow, 'too_slow')
    this.#host.onLeave(this)
  }
}
