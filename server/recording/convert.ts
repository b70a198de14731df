import { Readable } from 'node:stream'
import { readCast, type CastHeader } from './asciicast.ts'
import { PlainText } from './plain-text.ts'

/** asciicast v2, for players older than asciinema 3: absolute times, no exit event, no comments. */
export function toAsciicastV2(recording: Readable): Readable {
  return Readable.from(convertToV2(recording), { objectMode: false })
}

/** What the terminal printed, as plain text in UTF-8: without escape sequences, one `\n` per line. */
export function toText(recording: Readable): Readable {
  return Readable.from(convertToText(recording), { objectMode: false })
}

async function* convertToV2(recording: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let us = 0
  for await (const item of readCast(recording)) {
    if (item.type === 'header') yield Buffer.from(`${JSON.stringify(headerV2(item.header))}\n`)
    if (item.type !== 'event') continue
    us += item.intervalUs
    if (item.code === 'x') continue
    const code = JSON.stringify(item.code)
    yield Buffer.from(`[${(us / 1e6).toFixed(6)}, ${code}, ${JSON.stringify(item.text)}]\n`)
  }
}

async function* convertToText(recording: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const text = new PlainText()
  for await (const item of readCast(recording)) {
    if (item.type !== 'event' || item.code !== 'o') continue
    const lines = text.add(item.text)
    if (lines !== '') yield Buffer.from(lines)
  }
  const rest = text.end()
  if (rest !== '') yield Buffer.from(rest)
}

function headerV2(header: CastHeader): object {
  const { term, timestamp, title, command, env, hatchway } = header
  return { version: 2, width: term.cols, height: term.rows, timestamp, title, command, env, hatchway }
}
