import { createHash } from 'node:crypto'
import { messageOf } from '../core/errors.ts'
import type { MissingOutput } from '../core/recording.ts'
import { bytesOf, readCast, type CastItem } from './asciicast.ts'

/** What a recording turned out to hold. */
export interface Found {
  problem?: string
  session?: string
  lines: number
  malformed: number
  exited: boolean
  bytes: number
  outputBytes: number
  missing: MissingOutput
  /** Position of the last event. */
  lastUs: number
  sha256: string
}

/** Shares the time that reading takes with others. */
export type Pace = (items: AsyncIterable<CastItem>) => AsyncIterable<CastItem>

/**
 * Reads an uncompressed recording to its end. Never throws. It takes seconds of computing for a long one: give it a thread, or a pace
 * where others wait for the same thread.
 */
export async function measure(
  recording: AsyncIterable<Buffer>,
  pace: Pace = (items) => items,
): Promise<Found> {
  const hash = createHash('sha256')
  const found: Found = {
    lines: 0,
    malformed: 0,
    exited: false,
    bytes: 0,
    outputBytes: 0,
    missing: { holes: 0, bytes: 0 },
    lastUs: 0,
    sha256: '',
  }
  const tapped = async function* () {
    for await (const chunk of recording) {
      hash.update(chunk)
      found.bytes += chunk.length
      yield chunk
    }
  }
  try {
    for await (const item of pace(readCast(tapped()))) {
      found.lines++
      if (item.type === 'malformed') found.malformed++
      if (item.type === 'header' && item.header.hatchway['session'] !== undefined) {
        found.session = item.header.hatchway['session']
      }
      if (item.type === 'comment' && item.missing !== undefined) {
        const { holes, bytes } = found.missing
        found.missing = { holes: holes + 1, bytes: bytes + item.missing }
      }
      if (item.type !== 'event') continue
      found.exited = item.code === 'x'
      found.lastUs += item.intervalUs
      if (item.code === 'o') found.outputBytes += bytesOf(item).length
    }
  } catch (cause) {
    // A damaged gzip stream, for one: it is what the check is there to tell.
    found.problem = messageOf(cause)
  }
  return { ...found, sha256: hash.digest('hex') }
}
