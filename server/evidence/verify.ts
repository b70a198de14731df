import { addAbortSignal, type Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { messageOf } from '../core/errors.ts'
import type { RecordingSummary } from '../core/recording.ts'
import { measure, type Found, type Pace } from './measure.ts'
import { readInThread } from './reading-thread.ts'
import { ThreadLine } from './thread-line.ts'

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

export interface VerifyOptions {
  /** Who asks, by `personKey`: one of theirs is verified at a time. */
  who?: string
  /** Ends it. */
  signal?: AbortSignal
  line?: ThreadLine
}

const verifications = new ThreadLine({
  threads: 2,
  maxWaiting: 50,
  maxWaitingEach: 10,
  waitMs: 60_000,
  what: 'Recordings are being verified',
})

/**
 * Reads an uncompressed recording to its end, in a thread of its own, and compares it with what was noted when it was sealed. Throws
 * `too_many_requests` when too many are to be verified, `timeout`, and `cancelled`; the stream is destroyed in any case.
 */
export async function verifyRecording(
  stream: Readable,
  sessionId: string,
  summary: RecordingSummary,
  options: VerifyOptions = {},
): Promise<Verification> {
  const found = await measureInThread(stream, options)
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
  pace: Pace,
): Promise<RecordingSummary | undefined> {
  const found = await measure(stream, pace)
  const { problem, malformed, exited, missing, sha256, bytes, outputBytes, lastUs } = found
  if (found.session !== sessionId || problem !== undefined || malformed > 0 || !exited) return undefined
  const durationMs = Math.round(lastUs / 1000)
  return { key, sha256, bytes, outputBytes, durationMs, ...(missing.holes > 0 && { missing }) }
}

async function measureInThread(
  stream: Readable,
  { who = '', signal = new AbortController().signal, line = verifications }: VerifyOptions,
): Promise<Found> {
  let problem: string | undefined
  const source = async function* () {
    try {
      yield* stream as AsyncIterable<Buffer>
    } catch (cause) {
      // A damaged gzip stream, for one: it is what the check is there to tell.
      problem = messageOf(cause)
    }
  }
  addAbortSignal(signal, stream)
  try {
    const said = await text(readInThread(source(), { task: 'measure', who, line, signal }))
    return { ...(JSON.parse(said) as Found), ...(problem !== undefined && { problem }) }
  } finally {
    stream.destroy()
  }
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
