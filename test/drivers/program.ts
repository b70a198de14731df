import type { Duplex, Readable } from 'node:stream'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import type { TerminalSize } from '../../server/core/streams.ts'

/** What runs in a debug container of the in-memory driver. */
interface Program {
  /** Its exit code. Never rejects. */
  readonly exited: Promise<number>
  /** Ends it, whatever it ignores, with everything that it has started. */
  kill(): void
}

/** A program at a tty. */
export interface TerminalProgram extends Program {
  /** The far end of its tty: readable is what it shows. It ends with the program. */
  readonly io: Duplex
  resize(size: TerminalSize): Promise<void>
}

/** A program without a tty. */
export interface CommandProgram extends Program {
  /** Objects, each a `CommandOutput`. It ends with the program. */
  readonly output: Readable
}

/** What the in-memory driver starts: real processes, or what a test says. */
export interface Programs<Terminal extends TerminalProgram = TerminalProgram> {
  terminal(spec: DebugSpec): Promise<Terminal>
  command(spec: DebugSpec): Promise<CommandProgram>
}
