import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { messageOf } from '../core/errors.ts'
import type { MissingOutput, RecordingSummary } from '../core/recording.ts'
import { bytesOf, readCast } from './asciicast.ts'

export interface Verification {
  /** It can be read from its header to its exit event, and nothing that was shown is missing from it. */
  whole: boolean
  /** It is the one that was sealed. */
  unaltered: boolean
  checked: Check[]
}

interface Check {
  check: string
  passed: boolean
  detail: string
}

/** Reads an uncompressed recording to its end and compares it with what was noted when it was sealed. Never throws. */
export async function verifyRecording(
  stream: Readable,
  sessionId: string,
  summary: RecordingSummary,
): Promise<Verification> {
  const found = await measure(stream)
  const wholeness = [...checkWholeness(found), compare('session', sessionId, found.session)]
  const identity = [
    compare('sha256', summary.sha256, found.sha256),
    compare('bytes', summary.bytes, found.bytes),
    compare('output-bytes', summary.outputBytes, found.outputBytes),
  ]
  return { whole: passed(wholeness), unaltered: passed(identity), checked: [...wholeness, ...identity] }
}

/**
 * Checks an uncompressed recording without its session's row. Whether it was altered only the row's SHA-256 tells: that
 * of the recording is among the details. Never throws.
 */
export async function checkRecording(stream: Readable): Promise<Omit<Verification, 'unaltered'>> {
  const found = await measure(stream)
  const named = found.session !== undefined
  const wholeness = [
    ...checkWholeness(found),
    { check: 'session', passed: named, detail: found.session ?? 'the header names none' },
  ]
  const facts = [
    { check: 'sha256', passed: true, detail: found.sha256 },
    { check: 'bytes', passed: true, detail: String(found.bytes) },
    { check: 'output-bytes', passed: true, detail: String(found.outputBytes) },
  ]
  return { whole: passed(wholeness), checked: [...wholeness, ...facts] }
}

/**
 * The summary of a sealed recording, from what it holds. Undefined when it is not the session's, or not whole. Errors of the
 * source that say that it is not there pass through.
 */
export async function summarize(
  stream: Readable,
  sessionId: string,
  key: string,
): Promise<RecordingSummary | undefined> {
  const found = await measure(stream)
  const { problem, malformed, exited, missing, sha256, bytes, outputBytes, lastUs } = found
  if (found.session !== sessionId || problem !== undefined || malformed > 0 || !exited) return undefined
  const durationMs = Math.round(lastUs / 1000)
  return { key, sha256, bytes, outputBytes, durationMs, ...(missing.holes > 0 && { missing }) }
}

function checkWholeness(found: Found): Check[] {
  const { problem, lines, malformed, exited, missing } = found
  const counted = `${lines} lines, ${malformed} malformed`
  return [
    { check: 'readable', passed: problem === undefined, detail: problem ?? 'to its end' },
    { check: 'lines', passed: lines > 0 && malformed === 0, detail: counted },
    {
      check: 'missing',
      passed: missing.holes === 0,
      detail:
        missing.holes === 0
          ? 'nothing that was shown'
          : `${missing.bytes} bytes that were shown, in ${missing.holes} holes`,
    },
    { check: 'exit', passed: exited, detail: exited ? 'its last event' : 'the last event is no exit' },
  ]
}

function compare(check: string, expected: string | number, actual: string | number | undefined): Check {
  if (expected === actual) return { check, passed: true, detail: String(actual) }
  return { check, passed: false, detail: `expected ${expected}, found ${actual ?? 'nothing'}` }
}

function passed(checks: Check[]): boolean {
  return checks.every((check) => check.passed)
}

interface Found {
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

async function measure(stream: Readable): Promise<Found> {
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
