import type { FileHandle } from 'node:fs/promises'
import type { MissingOutput } from '../core/recording.ts'
import type { TerminalSize } from '../core/streams.ts'
import { bytesOf, parseSize, startOf, type CastHeader, type CastItem } from './asciicast.ts'
import type { Checkpoint } from './checkpoint.ts'

/** What a recording holds. */
export interface ScannedRecording {
  header: CastHeader
  /** Position after the last whole event: what follows is torn. */
  end: number
  /** What was shown, recorded or not. */
  outputBytes: number
  /** Position of the last event on the recording's own time axis. */
  lastUs: number
  /** When the recording began, in ms since 1970. */
  startedAt: number
  size: TerminalSize
  /** The last output bytes. */
  tail: Buffer
  /** Its last event is the exit. */
  exited: boolean
  /** Of the output, what could not be recorded. */
  missing: MissingOutput
}

/** Of the output, what is kept as it was. */
export const tailBytes = 1024 * 1024

/** Where a scan begins that is not of the whole recording: at a checkpoint, of which the begin is known. */
export interface ScanStart {
  header: CastHeader
  at: Checkpoint & { position: number }
}

/** Reads a recording, or the rest of one. Undefined when its first line is not a header. */
export async function scanRecording(
  items: AsyncIterable<CastItem>,
  start?: ScanStart,
): Promise<ScannedRecording | undefined> {
  let scanned = start && beginAt(start)
  const tail = new Tail()
  for await (const item of items) {
    if (item.type === 'header') scanned = begin(item.header, item.end)
    if (scanned === undefined) return undefined
    if (item.type === 'comment' && item.missing !== undefined) {
      const { holes, bytes } = scanned.missing
      scanned.missing = { holes: holes + 1, bytes: bytes + item.missing }
      scanned.outputBytes += item.missing
    }
    if (item.type !== 'event') continue
    scanned.end = item.end
    scanned.lastUs += item.intervalUs
    scanned.exited = item.code === 'x'
    if (item.code === 'r') scanned.size = parseSize(item.text) ?? scanned.size
    if (item.code === 'o') {
      const bytes = bytesOf(item)
      scanned.outputBytes += bytes.length
      tail.add(bytes)
    }
  }
  return scanned === undefined ? undefined : { ...scanned, tail: tail.take() }
}

/** Position after the last line end before `size`. */
export async function wholeLines(file: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(64 * 1024)
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - block.length)
    const { bytesRead } = await file.read(block, 0, end - start, start)
    const newline = block.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (newline !== -1) return start + newline + 1
    end = start
  }
  return 0
}

function begin(header: CastHeader, end: number): Omit<ScannedRecording, 'tail'> {
  const size = { cols: header.term.cols, rows: header.term.rows }
  return {
    header,
    end,
    outputBytes: 0,
    lastUs: 0,
    startedAt: startOf(header),
    size,
    exited: false,
    missing: { holes: 0, bytes: 0 },
  }
}

function beginAt({ header, at }: ScanStart): Omit<ScannedRecording, 'tail'> {
  const { position, offset, lastUs, size, missing } = at
  // A checkpoint follows an event, and goes before another one: that it is the last line means that this one was torn.
  return { ...begin(header, position), outputBytes: offset, lastUs, size, missing }
}

/** The last bytes of a stream. */
class Tail {
  #chunks: Buffer[] = []
  #length = 0

  add(bytes: Buffer): void {
    this.#chunks.push(bytes)
    this.#length += bytes.length
    // Joined now and then, so that neither many small chunks nor long streams cost memory.
    if (this.#length > 2 * tailBytes || this.#chunks.length > 4096) this.#chunks = [this.take()]
    if (this.#chunks.length === 1) this.#length = this.#chunks[0]?.length ?? 0
  }

  take(): Buffer {
    const joined = Buffer.concat(this.#chunks)
    // A copy: a view would keep the whole of `joined` alive.
    return Buffer.from(joined.subarray(Math.max(0, joined.length - tailBytes)))
  }
}
