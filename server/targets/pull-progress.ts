/** One line of `POST /images/create`. */
export interface PullLine {
  status?: string
  id?: string
  progressDetail?: { current?: number; total?: number }
  error?: string
  errorDetail?: { message?: string }
}

interface Layer {
  current: number
  total: number
}

/** Sums an engine's pull messages. Downloads count; extraction comes after and takes less. */
export class PullProgress {
  readonly #layers = new Map<string, Layer>()
  #status = ''

  /** Takes one message; throws the registry's or the engine's own words when it is a failure. */
  add(line: PullLine): void {
    const failure = line.errorDetail?.message ?? line.error
    if (failure !== undefined) throw new Error(failure)
    if (line.status !== undefined) this.#status = line.status
    if (line.id === undefined) return
    const layer = this.#layers.get(line.id)
    const { current, total } = line.progressDetail ?? {}
    if (line.status === 'Downloading' && current !== undefined) {
      this.#layers.set(line.id, { current, total: Math.max(total ?? 0, current) })
    } else if (layer !== undefined && isDownloaded(line.status)) {
      layer.current = layer.total
    }
  }

  get currentBytes(): number {
    return this.#sum('current')
  }

  get totalBytes(): number {
    return this.#sum('total')
  }

  get status(): string {
    return this.#status
  }

  #sum(key: keyof Layer): number {
    return [...this.#layers.values()].reduce((sum, layer) => sum + layer[key], 0)
  }
}

function isDownloaded(status: string | undefined): boolean {
  return ['Verifying Checksum', 'Download complete', 'Extracting', 'Pull complete'].includes(status ?? '')
}

/** Reads newline-separated JSON, however it was cut into chunks. */
export async function* readJsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<PullLine> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield* parse(line)
  }
  yield* parse(rest)
}

function* parse(line: string): Generator<PullLine> {
  if (line.trim() !== '') yield JSON.parse(line) as PullLine
}
