/**
 * Comment lines in a recording, one each mebibyte, that say what all lines before them add up to: who takes it up reads its end
 * alone. `# hatchway-at OFFSET MICROSECONDS COLSxROWS HOLES MISSING`. Nothing that a terminal prints can begin a line.
 */
import type { FileHandle } from 'node:fs/promises'
import type { MissingOutput } from '../core/recording.ts'
import type { TerminalSize } from '../core/streams.ts'
import { parseSize } from './asciicast.ts'

export interface Checkpoint {
  /** Bytes that were shown, recorded or not. */
  offset: number
  /** Position of the last event on the recording's own time axis. */
  lastUs: number
  size: TerminalSize
  /** Of the output, what could not be recorded. */
  missing: MissingOutput
}

/** Bytes of the file after which another one is due. */
export const checkpointEvery = 1024 * 1024

/** How far from the end one is looked for. */
const windowBytes = 8 * checkpointEvery
const blockBytes = 256 * 1024
const longestLine = 128
const lineStart = Buffer.from('\n# hatchway-at ')
const line = /^\n# hatchway-at (\d{1,16}) (\d{1,16}) (\d{1,4}x\d{1,4}) (\d{1,12}) (\d{1,16})\n/

export function encodeCheckpoint({ offset, lastUs, size, missing }: Checkpoint): string {
  return `# hatchway-at ${offset} ${lastUs} ${size.cols}x${size.rows} ${missing.holes} ${missing.bytes}\n`
}

/**
 * Where to begin reading a file of `fileSize` bytes to get its last `recorded` bytes of output: the newest checkpoint that is so
 * far before the newest of all, or, of a file in which output is rare, the oldest of the last 8 MiB. Undefined: at its beginning.
 */
export async function findCheckpoint(
  file: FileHandle,
  fileSize: number,
  recorded: number,
): Promise<(Checkpoint & { position: number }) | undefined> {
  const floor = Math.max(0, fileSize - windowBytes)
  const block = Buffer.alloc(blockBytes + longestLine)
  let newest: Checkpoint | undefined
  let found: (Checkpoint & { position: number }) | undefined
  for (let end = fileSize; end > floor;) {
    const start = Math.max(floor, end - blockBytes)
    // A line that begins in this block may go on in the one after it.
    const { bytesRead } = await file.read(block, 0, Math.min(fileSize, end + longestLine) - start, start)
    const bytes = block.subarray(0, bytesRead)
    for (let at = end - start; at > 0;) {
      at = bytes.lastIndexOf(lineStart, at - 1)
      const checkpoint = at === -1 ? undefined : parse(bytes.toString('latin1', at, at + longestLine))
      if (checkpoint === undefined) continue
      newest ??= checkpoint
      found = { ...checkpoint, position: start + at + 1 }
      if (recordedBy(newest) - recordedBy(checkpoint) >= recorded) return found
    }
    end = start
  }
  return floor === 0 ? undefined : found
}

function parse(text: string): Checkpoint | undefined {
  const [, offset, lastUs, shape = '', holes, missing] = line.exec(text) ?? []
  const size = parseSize(shape)
  if (size === undefined) return undefined
  return {
    offset: Number(offset),
    lastUs: Number(lastUs),
    size,
    missing: { holes: Number(holes), bytes: Number(missing) },
  }
}

function recordedBy({ offset, missing }: Checkpoint): number {
  return offset - missing.bytes
}
