import { readNumber, readRecord, readText } from '../shared/read-json.ts'

/** One line of `POST /images/create`: status, id, progressDetail, error, errorDetail, each of which may be missing. */
export type PullLine = Readonly<Record<string, unknown>>

interface Layer {
  current: number
  total: number
}

/** Longer lines are no progress. */
const maxLineLength = 1024 * 1024

/** Sums an engine's pull messages. Downloads count; extraction comes after and takes less. */
export class PullProgress {
  readonly #layers = new Map<string, Layer>()
  readonly #sum: Layer = { current: 0, total: 0 }
  #status = ''

  /** Takes one message; throws the registry's or the engine's own words when it is a failure. */
  add(line: PullLine): void {
    const failure = readText(readRecord(line['errorDetail'])['message']) || readText(line['error'])
    if (failure !== '') throw new Error(failure)
    const status = readText(line['status'])
    if (status !== '') this.#status = status
    const id = readText(line['id'])
    if (id === '') return
    const { current, total } = readRecord(line['progressDetail'])
    const layer = this.#layers.get(id)
    if (status === 'Downloading' && typeof current === 'number' && Number.isFinite(current)) {
      this.#put(id, { current, total: Math.max(readNumber(total), current) })
    } else if (layer !== undefined && isDownloaded(status)) {
      this.#put(id, { current: layer.total, total: layer.total })
    }
  }

  get currentBytes(): number {
    return this.#sum.current
  }

  get totalBytes(): number {
    return this.#sum.total
  }

  get status(): string {
    return this.#status
  }

  /** The sums follow each layer: an image may have any number of them. */
  #put(id: string, layer: Layer): void {
    const before = this.#layers.get(id)
    this.#sum.current += layer.current - (before?.current ?? 0)
    this.#sum.total += layer.total - (before?.total ?? 0)
    this.#layers.set(id, layer)
  }
}

function isDownloaded(status: string): boolean {
  return ['Verifying Checksum', 'Download complete', 'Extracting', 'Pull complete'].includes(status)
}

/** Reads newline-separated JSON objects, however they were cut into chunks. Throws SyntaxError for what is no JSON. */
export async function* readJsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<PullLine> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > maxLineLength) throw new SyntaxError('A line of the answer does not end.')
    for (const line of lines) yield* parse(line)
  }
  yield* parse(rest)
}

function* parse(line: string): Generator<PullLine> {
  if (line.trim() !== '') yield readRecord(JSON.parse(line))
}
