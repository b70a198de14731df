import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type {
  CommandOutput,
  CommandStream,
  Output,
  StreamEnd,
  TerminalIo,
  TerminalSize,
  TerminalStream,
} from '../../server/core/streams.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import { commandOutput } from '../../server/drivers/shared/streams.ts'
import type { CommandProgram, TerminalProgram } from './program.ts'

/** How a debug container has ended, once it has. */
export type EndOfContainer = () => Promise<StreamEnd>

/** What one attachment sees of a tty. */
class MemoryIo implements TerminalIo {
  readonly #duplex: Duplex
  #onBytes: ((bytes: Uint8Array) => void) | undefined
  #isCut = false

  constructor(duplex: Duplex) {
    this.#duplex = duplex
  }

  read(onBytes: (bytes: Uint8Array) => void): void {
    this.#onBytes = onBytes
    this.#duplex.on('data', onBytes)
    // Whoever was attached before has paused it.
    this.resume()
  }

  pause(): void {
    if (!this.#isCut) this.#duplex.pause()
  }

  resume(): void {
    if (!this.#isCut) this.#duplex.resume()
  }

  write(bytes: Uint8Array): boolean {
    return this.isOpen && this.#duplex.write(bytes)
  }

  onDrain(listener: () => void): void {
    this.#duplex.on('drain', listener)
  }

  get unreadBytes(): number {
    return this.#duplex.readableLength
  }

  get unsentBytes(): number {
    return this.#isCut ? 0 : this.#duplex.writableLength
  }

  get isOpen(): boolean {
    return !this.#isCut && !this.#duplex.destroyed && !this.#duplex.writableEnded
  }

  /** What comes from now on waits for the next attachment. */
  cut(): void {
    if (this.#onBytes !== undefined) this.#duplex.off('data', this.#onBytes)
    this.#duplex.pause()
    this.#isCut = true
  }
}

/** One attachment to a program: it can be let go, and another one takes up where it stopped. */
export class MemoryTerminal implements TerminalStream {
  readonly kind = 'terminal'
  readonly io: MemoryIo
  readonly ended: Promise<StreamEnd>
  readonly #program: TerminalProgram
  readonly #end = Promise.withResolvers<StreamEnd>()

  constructor(program: TerminalProgram, end: EndOfContainer) {
    this.#program = program
    this.io = new MemoryIo(program.io)
    this.ended = this.#end.promise
    void this.#follow(end)
  }

  async resize(size: TerminalSize): Promise<void> {
    if (!this.io.isOpen)
      throw new HatchwayError('session_ended', 'The terminal cannot be resized: its container has ended.')
    await this.#program.resize(size)
  }

  detach(): void {
    this.lose('Detached.')
  }

  /** The stream breaks, and the program goes on. */
  lose(detail: string): void {
    this.io.cut()
    this.#end.resolve({ kind: 'disconnected', detail })
  }

  async #follow(end: EndOfContainer): Promise<void> {
    const { io } = this.#program
    // `close` follows `end`, which follows the last byte.
    if (!io.closed) await once(io, 'close').catch(() => {})
    this.#end.resolve(await end())
  }
}

/** A command that is listened to. */
export class MemoryCommand implements CommandStream {
  readonly kind = 'command'
  readonly output: Output<CommandOutput>
  readonly ended: Promise<StreamEnd>
  readonly #program: CommandProgram
  #detached = false

  constructor(program: CommandProgram, end: EndOfContainer) {
    this.#program = program
    this.output = commandOutput(program.output)
    this.ended = this.#follow(end)
  }

  detach(): void {
    this.#detached = true
    this.#program.output.destroy()
  }

  async #follow(end: EndOfContainer): Promise<StreamEnd> {
    const { output } = this.#program
    if (!output.closed) await once(output, 'close').catch(() => {})
    return this.#detached ? { kind: 'disconnected', detail: 'Detached.' } : await end()
  }
}
