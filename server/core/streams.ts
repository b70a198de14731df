/** Columns and rows of a terminal, each from 2 to 1000. */
export interface TerminalSize {
  cols: number
  rows: number
}

/**
 * How a stream came to its end.
 * `exit`: the shell or command ended by itself. `target-exited`: the target took its namespaces with it.
 * `removed`: somebody ended the debug container beside the gateway.
 * `disconnected`: the stream broke and the container may still run, so `reattach` is worth trying.
 */
export type StreamEnd =
  | { kind: 'exit'; exitCode: number; outOfMemory?: boolean }
  | { kind: 'target-exited'; detail: string }
  | { kind: 'removed'; detail: string }
  | { kind: 'disconnected'; detail: string }

/** What a program writes, for the one who reads it. */
export interface Output<Piece> {
  /** Hands on each piece as it comes, in order; once only. What comes before waits, and nothing of it is lost. */
  read(onPiece: (piece: Piece) => void): void
  /** Nothing is handed on until `resume`. What is written meanwhile fills what lies between, and then its writer waits. */
  pause(): void
  resume(): void
}

/** The two directions of a tty: bytes, never strings. */
export interface TerminalIo extends Output<Uint8Array> {
  /** Bytes of output that the gateway has taken in and not handed on: bounded, whatever is written. */
  readonly unreadBytes: number
  /** Types. False when more waits than should: until `onDrain` the caller does better to wait. What comes after the end is lost. */
  write(bytes: Uint8Array): boolean
  /** Bytes that were typed and have not left the gateway. */
  readonly unsentBytes: number
  /** Called each time that all of the input has left, after a `write` that gave false. */
  onDrain(listener: () => void): void
  /** Until its end or a detach. */
  readonly isOpen: boolean
}

/** One attached tty. */
export interface TerminalStream {
  readonly kind: 'terminal'
  readonly io: TerminalIo
  /** Rejects when the container is gone. */
  resize(size: TerminalSize): Promise<void>
  /** Resolves after the last byte of output was delivered. Never rejects. */
  readonly ended: Promise<StreamEnd>
  /** Lets go of the stream and leaves the debug container running. */
  detach(): void
  /** Calls back, once at most, when what the terminal depends on is about to go, with words for its viewers. */
  onWarning?(listener: (words: string) => void): void
}

/** A piece of what a command wrote. */
export interface CommandOutput {
  stream: 'stdout' | 'stderr'
  bytes: Uint8Array
}

/** A command without a terminal: its input is empty, and its two streams of output are told apart. */
export interface CommandStream {
  readonly kind: 'command'
  /** In the order in which they came. */
  readonly output: Output<CommandOutput>
  /** Resolves after the last piece of output was delivered. Never rejects. */
  readonly ended: Promise<StreamEnd>
  /** Lets go of the stream: nobody can take it up again. */
  detach(): void
}
