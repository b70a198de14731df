import { once } from 'node:events'
import { HatchwayError } from '../../../core/errors.ts'
import type { StreamEnd, TerminalIo, TerminalSize, TerminalStream } from '../../../core/streams.ts'
import { terminalIo } from '../../shared/streams.ts'
import type { TtyAttachment } from './attach.ts'
import { StreamLife, type Joined } from './stream-life.ts'

/** The tty of a debug container in a pod. */
export class KubernetesTerminal implements TerminalStream {
  readonly kind = 'terminal'
  readonly io: TerminalIo
  readonly ended: Promise<StreamEnd>
  readonly #tty: TtyAttachment
  readonly #life: StreamLife

  constructor(joined: Joined<TtyAttachment>) {
    this.#tty = joined.attached
    this.io = terminalIo(this.#tty.io)
    this.#life = new StreamLife(joined)
    this.ended = this.#end()
  }

  async resize(size: TerminalSize): Promise<void> {
    if (!this.io.isOpen)
      throw new HatchwayError('session_ended', 'The terminal cannot be resized: its container has ended.')
    this.#tty.resize(size)
  }

  detach(): void {
    this.#life.detach()
  }

  onWarning(listener: (words: string) => void): void {
    this.#life.onWarning(listener)
  }

  async #end(): Promise<StreamEnd> {
    // `close` follows `end`, which follows the last byte.
    if (!this.#tty.io.closed) await once(this.#tty.io, 'close').catch(() => {})
    return await this.#life.end()
  }
}
