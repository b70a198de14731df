import type { Duplex, Readable } from 'node:stream'
import type { CommandOutput, Output, TerminalIo } from '../../core/streams.ts'

/** A tty whose bytes a Node stream carries. */
export function terminalIo(duplex: Duplex): TerminalIo {
  return {
    read: (onBytes) => void duplex.on('data', onBytes),
    pause: () => void duplex.pause(),
    resume: () => void duplex.resume(),
    write: (bytes) => duplex.write(bytes),
    onDrain: (listener) => void duplex.on('drain', listener),
    get unreadBytes() {
      return duplex.readableLength
    },
    get unsentBytes() {
      return duplex.writableLength
    },
    get isOpen() {
      return !duplex.destroyed
    },
  }
}

/** The output of a command that a Node stream carries, whose objects are its pieces. */
export function commandOutput(readable: Readable): Output<CommandOutput> {
  return {
    read: (onPiece) => void readable.on('data', onPiece),
    pause: () => void readable.pause(),
    resume: () => void readable.resume(),
  }
}
