import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError } from '../../core/errors.ts'
import type { StreamEnd, TerminalIo, TerminalSize, TerminalStream } from '../../core/streams.ts'
import { terminalIo } from '../shared/streams.ts'
import { dockerStatus } from './errors.ts'
import { endOfStream, type Attached } from './stream-end.ts'

/** The tty of a debug container: the raw socket of its attach. */
export class DockerTerminal implements TerminalStream {
  readonly kind = 'terminal'
  readonly io: TerminalIo
  readonly ended: Promise<StreamEnd>
  readonly #attached: Attached
  #resizing: Promise<void> = Promise.resolve()
  #detached = false

  constructor(attached: Attached) {
    this.#attached = attached
    this.io = terminalIo(attached.socket)
    // The end is told by `ended`; without a listener a broken connection would end the process.
    attached.socket.on('error', () => {})
    this.ended = endOfStream(attached, () => this.#detached)
  }

  /** The size that the container begins with, given once it was `started`; what is asked for meanwhile comes after it. */
  async beginWith(size: TerminalSize, started: Promise<unknown>): Promise<void> {
    const turn = started.then(async () => await this.#resize(size))
    this.#resizing = turn.catch(() => {})
    await turn
  }

  async resize(size: TerminalSize): Promise<void> {
    const turn = this.#resizing.then(async () => await this.#resize(size))
    this.#resizing = turn.catch(() => {})
    await turn
  }

  detach(): void {
    this.#detached = true
    this.#attached.socket.destroy()
  }

  async #resize(size: TerminalSize): Promise<void> {
    const { client, container } = this.#attached
    // An engine refuses with 409 until the process has begun (docker/cli#3554).
    for (let attempt = 0; ; attempt += 1) {
      try {
        const query = { h: String(size.rows), w: String(size.cols) }
        const path = `/containers/${container.id}/resize`
        const signal = AbortSignal.timeout(10_000)
        await client.send({ method: 'POST', path, query, doing: 'resize the terminal', signal })
        return
      } catch (cause) {
        if (
          dockerStatus(cause) === 404 ||
          (dockerStatus(cause) === 409 && attempt >= 10) ||
          !this.io.isOpen
        ) {
          throw new HatchwayError(
            'session_ended',
            'The terminal cannot be resized: its container has ended.',
            { cause },
          )
        }
        if (dockerStatus(cause) !== 409) throw cause
        await delay(10 * (attempt + 1))
      }
    }
  }
}
