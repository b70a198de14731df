import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { messageOf } from '../core/errors.ts'
import type { RecordingSummary } from '../core/recording.ts'
import { bytesOf, readCast } from './asciicast.ts'

export interface Verification {
  /** It can be read from its header to its exit event. */
  whole: boolean
  /** It is the one that was sealed. */
  unaltered: boolean
  checked: { check: string; passed: boolean; detail: string }[]
}

/** Reads an uncompressed recording to its end and compares it with what was noted when it was sealed. Never throws. */
export async function verifyRecording(
  stream: Readable,
  sessionId: string,
  summary: RecordingSummary,
): Promise<Verification> {
  const found = await measure(stream)
  const { sha256, bytes, outputBytes } = summary
  const compare = (check: string, expected: string | number, actual: string | number | undefined) => ({
    check,
    passed: expected === actual,
    detail: expected === actual ? String(actual) : `expected ${expected}, found ${actual ?? 'nothing'}`,
  })
  const wholeness = [
    { check: 'readable', passed: found.problem === undefined, detail: found.problem ?? 'to its end' },
    {
      check: 'lines',
      passed: found.malformed === 0,
      detail: `${found.lines} lines, ${found.malformed} malformed`,
    },
    compare('session', sessionId, found.session),
    {
      check: 'exit',
      passed: found.exited,
      detail: found.exited ? 'its last event' : 'the last event is no exit',
    },
  ]
  const identity = [
    compare('sha256', sha256, found.sha256),
    compare('bytes', bytes, found.bytes),
    compare('output-bytes', outputBytes, found.outputBytes),
  ]
  const passed = (checks: { passed: boolean }[]) => checks.every((check) => check.passed)
  return { whole: passed(wholeness), unaltered: passed(identity), checked: [...wholeness, ...identity] }
}

interface Found {
  problem?: string
  session?: string
  lines: number
  malformed: number
  exited: boolean
  bytes: number
  outputBytes: number
  sha256: string
}

async function measure(stream: Readable): Promise<Found> {
  const hash = createHash('sha256')
  const found: Found = { lines: 0, malformed: 0, exited: false, bytes: 0, outputBytes: 0, sha256: '' }
  const tapped = async function* () {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hash.update(chunk)
      found.bytes += chunk.length
      yield chunk
    }
  }
  try {
    for await (const item of readCast(tapped())) {
      found.lines++
      if (item.type === 'malformed') found.malformed++
      if (item.type === 'header' && item.header.hatchway['session'] !== undefined) {
        found.session = item.header.hatchway['session']
      }
      if (item.type !== 'event') continue
      found.exited = item.code === 'x'
      if (item.code === 'o') found.outputBytes += bytesOf(item).length
    }
  } catch (cause) {
    // A damaged gzip stream, for one: it is what the check is there to tell.
    found.problem = messageOf(cause)
  }
  return { ...found, sha256: hash.digest('hex') }
}
