import type { CommandOutput } from '../../core/streams.ts'

/** What is kept of each stream: the beginning. The recording has all of it. */
const keptBytes = 1024 * 1024

/** The beginning of what a command wrote to one stream. */
export interface KeptOutput {
  bytes: Buffer
  truncated: boolean
}

interface Waiting extends CommandOutput {
  /** Bytes of it, as a terminal shows it, that are not recorded yet. */
  left: number
}

class Stream {
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #truncated = false

  add(bytes: Uint8Array): void {
    const part = bytes.subarray(0, keptBytes - this.#bytes)
    if (part.length < bytes.length) this.#truncated = true
    if (part.length === 0) return
    this.#bytes += part.length
    this.#chunks.push(part)
  }

  get kept(): KeptOutput {
    return { bytes: Buffer.concat(this.#chunks), truncated: this.#truncated }
  }
}

/**
 * What a command's caller gets: nothing that is not recorded. Each piece goes through the session as a terminal would show
 * it, and is kept as it was once all of it is in the recording.
 */
export class CollectedOutput {
  readonly #waiting: Waiting[] = []
  readonly #streams = { stdout: new Stream(), stderr: new Stream() }

  /** The bytes to record and to show. */
  pass(piece: CommandOutput): Buffer {
    const shown = onTerminal(piece.bytes)
    if (shown.length > 0) this.#waiting.push({ ...piece, left: shown.length })
    return shown
  }

  /** So many of the bytes that were passed are recorded, in their order. */
  recorded(bytes: number): void {
    let count = bytes
    while (count > 0) {
      const [first] = this.#waiting
      if (first === undefined) return
      const part = Math.min(count, first.left)
      first.left -= part
      count -= part
      if (first.left > 0) return
      this.#waiting.shift()
      this.#streams[first.stream].add(first.bytes)
    }
  }

  get kept(): { stdout: KeptOutput; stderr: KeptOutput } {
    return { stdout: this.#streams.stdout.kept, stderr: this.#streams.stderr.kept }
  }
}

const newline = 0x0a

/** A carriage return before each line feed, as a tty adds it (termios, ONLCR): what shows it would else draw stairs. */
function onTerminal(bytes: Uint8Array): Buffer {
  let lines = 0
  for (const byte of bytes) if (byte === newline) lines += 1
  if (lines === 0) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const shown = Buffer.allocUnsafe(bytes.length + lines)
  let at = 0
  for (const byte of bytes) {
    if (byte === newline) shown[at++] = 0x0d
    shown[at++] = byte
  }
  return shown
}
