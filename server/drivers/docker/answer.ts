import type { IncomingMessage } from 'node:http'

/** Larger answers are not read: the list of 10,000 containers has a third of it. */
const maxAnswerBytes = 64 * 1024 * 1024
/** Of a refusal's words. */
const maxRefusalBytes = 64 * 1024

/** An answer's JSON; undefined for an empty body. Throws SyntaxError and RangeError for what can't be read, and what the connection throws. */
export async function readJson(response: IncomingMessage): Promise<unknown> {
  const body = await readBody(response, maxAnswerBytes)
  return body === '' ? undefined : (JSON.parse(body) as unknown)
}

/** Larger items of a list are left out: nobody writes such labels by hand. */
const maxItemBytes = 1024 * 1024

export interface Items<T> {
  items: T[]
  /** How many were too large to be read. */
  tooLarge: number
}

/**
 * The objects of a JSON list, each parsed by itself as its bytes come, so that no long list holds the event loop. `null` is an empty list.
 * Throws SyntaxError for what is no list, RangeError for what is too large, and what the connection throws.
 */
export async function readItems<T>(
  response: AsyncIterable<Buffer>,
  parse: (text: string) => T,
): Promise<Items<T>> {
  const items = new ItemReader(parse)
  let bytes = 0
  for await (const chunk of response) {
    bytes += chunk.length
    if (bytes > maxAnswerBytes) throw tooLarge(maxAnswerBytes)
    items.add(chunk)
  }
  return items.end()
}

const code = {
  quote: 0x22,
  backslash: 0x5c,
  openList: 0x5b,
  closeList: 0x5d,
  open: 0x7b,
  close: 0x7d,
} as const

/** Finds where each item of a list ends; whether it is JSON is for `parse` to say. */
class ItemReader<T> {
  readonly #parse: (text: string) => T
  readonly #found: Items<T> = { items: [], tooLarge: 0 }
  /** Of the item that is being read. */
  #parts: Buffer[] = []
  #bytes = 0
  #depth = 0
  #isText = false
  #isEscaped = false
  /** What stands outside of the items. */
  #around = ''

  constructor(parse: (text: string) => T) {
    this.#parse = parse
  }

  add(chunk: Buffer): void {
    let from = this.#depth > 1 ? 0 : -1
    for (let at = 0; at < chunk.length; at += 1) {
      const before = this.#depth
      this.#step(chunk[at] ?? 0)
      if (before === 1 && this.#depth === 2) from = at
      if (before === 2 && this.#depth === 1) {
        this.#keep(chunk.subarray(from, at + 1))
        this.#finish()
        from = -1
      } else if (before === 0 && this.#around.length < 8) this.#around += String.fromCharCode(chunk[at] ?? 0)
    }
    if (from >= 0) this.#keep(chunk.subarray(from))
  }

  end(): Items<T> {
    const around = this.#around.trim()
    if (this.#depth > 0 || !(around.startsWith('[') || around === 'null'))
      throw new SyntaxError('The answer is no JSON list.')
    return this.#found
  }

  #step(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (this.#isText) {
      if (byte === code.backslash) this.#isEscaped = true
      else if (byte === code.quote) this.#isText = false
    } else if (byte === code.quote) this.#isText = true
    else if (byte === code.open || byte === code.openList) this.#depth += 1
    else if (byte === code.close || byte === code.closeList) this.#depth -= 1
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length
    if (this.#bytes <= maxItemBytes) this.#parts.push(part)
    else this.#parts = []
  }

  #finish(): void {
    if (this.#bytes > maxItemBytes) this.#found.tooLarge += 1
    else this.#found.items.push(this.#parse(Buffer.concat(this.#parts).toString()))
    this.#parts = []
    this.#bytes = 0
  }
}

function tooLarge(most: number): RangeError {
  return new RangeError(`The answer has more than ${most / 1024} KiB.`)
}

/** What an engine answers in place of what was asked for: its status and its words. Never throws. */
export async function refusal(response: IncomingMessage): Promise<Error> {
  const words = await readBody(response, maxRefusalBytes).catch(() => '')
  let json: unknown
  try {
    json = JSON.parse(words)
  } catch {
    json = undefined
  }
  return Object.assign(new Error(words || 'the engine refused'), { statusCode: response.statusCode, json })
}

async function readBody(response: IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > most) throw tooLarge(most)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
