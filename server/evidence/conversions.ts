import { parseSize, readCast, type CastHeader } from './asciicast.ts'
import { PlainText } from './plain-text.ts'

/** asciicast v2, for players older than asciinema 3: absolute times, no exit event, no comments. */
export async function* toV2(recording: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
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

/** What the terminal printed, as plain text in UTF-8: without escape sequences, one `\n` per line. */
export async function* toText(recording: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const text = new PlainText()
  for await (const item of readCast(recording)) {
    if (item.type === 'header') text.columns = item.header.term.cols
    if (item.type !== 'event') continue
    if (item.code === 'r') text.columns = parseSize(item.text)?.cols ?? text.columns
    if (item.code !== 'o') continue
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
