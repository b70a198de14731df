import type { Duplex, Readable } from 'node:stream'

/** Columns and rows of a terminal, each from 2 to 1000. */
export interface TerminalSize {
  cols: number
  rows: number
}

/**
 * How a terminal came to its end.
 * `exit`: the shell ended by itself. `target-exited`: the target took its namespaces with it.
 * `removed`: somebody ended the debug container beside the gateway.
 * `disconnected`: the stream broke and the container may still run, so `reattach` is worth trying.
 */
export type TerminalEnd =
  | { kind: 'exit'; exitCode: number; outOfMemory?: boolean }
  | { kind: 'target-exited'; detail: string }
  | { kind: 'removed'; detail: string }
  | { kind: 'disconnected'; detail: string }

/** One attached tty. Bytes, never strings; `io` carries backpressure both ways. */
export interface Terminal {
  readonly io: Duplex
  /** Rejects when the container is gone. */
  resize(size: TerminalSize): Promise<void>
  /** Resolves after the last byte of output was delivered. Never rejects. */
  readonly ended: Promise<TerminalEnd>
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
export interface RunningCommand {
  /** Objects, each a {@link CommandOutput}, in the order in which they came. Carries backpressure; emits no error. */
  readonly output: Readable
  /** Resolves after the last byte of output was delivered. Never rejects. */
  readonly ended: Promise<TerminalEnd>
  /** Lets go of the stream: nobody can take it up again. */
  detach(): void
}
