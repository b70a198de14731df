/**
 * asciicast v3, https://docs.asciinema.org/manual/asciicast/v3/: a header line, then `[interval, code, data]` lines.
 * Intervals are whole microseconds here. JSON text can't hold bytes that are not UTF-8, so such a chunk is preceded by
 * a comment with its exact bytes: players skip comments, and {@link readCast} gives the bytes back.
 */
import { isUtf8 } from 'node:buffer'
import type { RecordingHeader } from '../core/recording.ts'
import type { TerminalSize } from '../core/streams.ts'

export type EventCode = 'o' | 'i' | 'r' | 'm' | 'x'

/** The first line, as far as Hatchway itself reads it. */
export interface CastHeader {
  version: 3
  term: TerminalSize & { type: string }
  /** Whole seconds since 1970; `hatchway.startedAt` has the milliseconds. */
  timestamp: number
  title: string
  command: string
  env: Readonly<Record<string, string>>
  hatchway: Readonly<Record<string, string>>
}

/** One line of a recording. `end` is the position in the file after it. */
export type CastItem =
  | { type: 'header'; header: CastHeader; end: number }
  | { type: 'event'; intervalUs: number; code: string; text: string; exact?: Buffer; end: number }
  /** `missing`: so many bytes of output could not be recorded here. */
  | { type: 'comment'; end: number; missing?: number }
  /** A line that is neither, or a last line without its line end. */
  | { type: 'malformed'; end: number }

const newline = 0x0a
const bytesComment = '# hatchway-bytes '
const missingComment = '# hatchway-missing '

/** The header line. The facts cannot replace `session` and `startedAt`. */
export function encodeHeader(header: RecordingHeader): string {
  const terminalType = 'xterm-256color'
  const value: CastHeader = {
    version: 3,
    term: { cols: header.size.cols, rows: header.size.rows, type: terminalType },
    timestamp: Math.floor(header.startedAt.getTime() / 1000),
    title: header.title,
    command: header.command,
    env: { TERM: terminalType },
    hatchway: { ...header.facts, session: header.sessionId, startedAt: header.startedAt.toISOString() },
  }
  return `${JSON.stringify(value)}\n`
}

/** One event line, in pieces: joining them costs as much again as writing them. */
export function encodeEvent(intervalUs: number, code: EventCode, text: string): string[] {
  return [`[${(intervalUs / 1e6).toFixed(6)}, "${code}", `, JSON.stringify(text), ']\n']
}

/** One event of terminal bytes: a line before it holds them exactly when they are not UTF-8. */
export function encodeBytes(intervalUs: number, code: 'o' | 'i', bytes: Buffer): string[] {
  const event = encodeEvent(intervalUs, code, bytes.toString('utf8'))
  return isUtf8(bytes) ? event : [bytesComment, bytes.toString('base64'), '\n', ...event]
}

/** The comment line that stands where so many bytes of output could not be recorded. */
export function encodeMissing(bytes: number): string {
  return `${missingComment}${bytes}\n`
}

/** The bytes that an output or input event stands for. */
export function bytesOf(event: { text: string; exact?: Buffer }): Buffer {
  return event.exact ?? Buffer.from(event.text, 'utf8')
}

/** When the recording began, in ms since 1970. */
export function startOf(header: CastHeader): number {
  const exact = Date.parse(header.hatchway['startedAt'] ?? '')
  return Number.isNaN(exact) ? header.timestamp * 1000 : exact
}

/** Reads `COLSxROWS`. */
export function parseSize(text: string): TerminalSize | undefined {
  const match = /^(\d{1,4})x(\d{1,4})$/.exec(text)
  return match === null ? undefined : { cols: Number(match[1]), rows: Number(match[2]) }
}

/**
 * Reads a recording line by line. Never throws over what a line holds; errors of the source pass through. A source that begins
 * later, at the begin of a line, is told by its position in the file: it has no header.
 */
export async function* readCast(source: AsyncIterable<Buffer>, from = 0): AsyncGenerator<CastItem> {
  let first = from === 0
  let exact: Buffer | undefined
  for await (const { line, end, whole } of readLines(source, from)) {
    const item = whole ? parseLine(line, end, first) : ({ type: 'malformed', end } as const)
    first = false
    if (item.type === 'event') {
      yield exact === undefined ? item : { ...item, exact }
      exact = undefined
      continue
    }
    if (item.type === 'comment') exact = exactBytes(line) ?? exact
    yield item
  }
}

function parseLine(line: Buffer, end: number, first: boolean): CastItem {
  if (!first && line[0] === 0x23) return parseComment(line, end)
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    if (first) return isHeader(value) ? { type: 'header', header: value, end } : { type: 'malformed', end }
    if (!Array.isArray(value)) return { type: 'malformed', end }
    const [interval, code, text]: unknown[] = value
    if (typeof interval !== 'number' || typeof code !== 'string' || typeof text !== 'string') {
      return { type: 'malformed', end }
    }
    return { type: 'event', intervalUs: Math.round(interval * 1e6), code, text, end }
  } catch {
    // Not JSON: what a torn write or a damaged disk leaves behind.
    return { type: 'malformed', end }
  }
}

function parseComment(line: Buffer, end: number): CastItem {
  const text = line.subarray(0, 64).toString('latin1')
  const missing = text.startsWith(missingComment)
    ? /^\d{1,15}$/.exec(text.slice(missingComment.length))
    : null
  return missing === null ? { type: 'comment', end } : { type: 'comment', end, missing: Number(missing[0]) }
}

function isHeader(value: unknown): value is CastHeader {
  if (typeof value !== 'object' || value === null) return false
  const { version, term, timestamp, hatchway } = value as Record<string, unknown>
  const isObject = (part: unknown): part is object => typeof part === 'object' && part !== null
  return version === 3 && isObject(term) && typeof timestamp === 'number' && isObject(hatchway)
}

function exactBytes(line: Buffer): Buffer | undefined {
  const text = line.toString('latin1')
  return text.startsWith(bytesComment) ? Buffer.from(text.slice(bytesComment.length), 'base64') : undefined
}

async function* readLines(
  source: AsyncIterable<Buffer>,
  from: number,
): AsyncGenerator<{ line: Buffer; end: number; whole: boolean }> {
  let position = from
  let held: Buffer[] = []
  for await (const chunk of source) {
    let begin = 0
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, begin)) {
      const rest = chunk.subarray(begin, at)
      const line = held.length === 0 ? rest : Buffer.concat([...held, rest])
      held = []
      begin = at + 1
      yield { line, end: position + begin, whole: true }
    }
    if (begin < chunk.length) held.push(chunk.subarray(begin))
    position += chunk.length
  }
  if (held.length > 0) yield { line: Buffer.concat(held), end: position, whole: false }
}
