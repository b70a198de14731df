import type { CommandOutput, CommandStream, Output, TerminalStream } from '../../core/streams.ts'
import { WholeCharacters } from './whole-characters.ts'

/** What becomes of output. */
export interface OutputTaker {
  /** Records and shows bytes as a terminal takes them. Returns whether that was done. */
  show(bytes: Uint8Array): boolean
  /** A piece of a command's output was recorded. */
  onCommandOutput(piece: CommandOutput): void
}

/** A stream that is being read, in whole characters. */
export interface StreamReader {
  pause(): void
  resume(): void
  /** Takes what is held of a character, reads no more, and leaves the debug container running. */
  stop(): void
}

/** Reads from now on. */
export function readStream(stream: TerminalStream | CommandStream, taker: OutputTaker): StreamReader {
  return stream.kind === 'terminal' ? readTerminal(stream, taker) : readCommand(stream, taker)
}

function readTerminal(terminal: TerminalStream, taker: OutputTaker): StreamReader {
  const characters = new WholeCharacters((bytes) => void taker.show(bytes))
  return readOutput(terminal.io, {
    take: (bytes) => characters.push(bytes),
    flush: () => characters.flush(),
    detach: () => terminal.detach(),
  })
}

/** Both streams are shown as they come, and handed on as they are once that is recorded. */
function readCommand(command: CommandStream, taker: OutputTaker): StreamReader {
  const charactersOf = (stream: CommandOutput['stream']) =>
    new WholeCharacters((bytes) => {
      if (taker.show(onTerminal(bytes))) taker.onCommandOutput({ stream, bytes })
    })
  const streams = { stdout: charactersOf('stdout'), stderr: charactersOf('stderr') }
  return readOutput(command.output, {
    take: ({ stream, bytes }) => streams[stream].push(bytes),
    flush() {
      streams.stdout.flush()
      streams.stderr.flush()
    },
    detach: () => command.detach(),
  })
}

function readOutput<Piece>(
  output: Output<Piece>,
  { take, flush, detach }: { take: (piece: Piece) => void; flush: () => void; detach: () => void },
): StreamReader {
  let isStopped = false
  output.read((piece) => {
    if (!isStopped) take(piece)
  })
  return {
    pause: () => output.pause(),
    resume: () => output.resume(),
    stop() {
      flush()
      isStopped = true
      detach()
    },
  }
}

const newline = 0x0a

/** A carriage return before each line feed, as a tty adds it (termios, ONLCR): what shows it would else draw stairs. */
function onTerminal(bytes: Uint8Array): Uint8Array {
  let lines = 0
  for (const byte of bytes) if (byte === newline) lines += 1
  if (lines === 0) return bytes
  const shown = Buffer.allocUnsafe(bytes.length + lines)
  let at = 0
  for (const byte of bytes) {
    if (byte === newline) shown[at++] = 0x0d
    shown[at++] = byte
  }
  return shown
}
