import type { Readable } from 'node:stream'
import type { DockerClient } from './client.ts'
import { readJsonLines } from './pull-progress.ts'
import { readRecord, readText } from '../shared/read-json.ts'

/** What may change what is shown of a container, in Docker's words and Podman's. Others come with every look into one, ours included. */
const changes =
  'create start restart stop die died kill oom pause unpause rename update destroy remove health_status init sync cleanup'.split(
    ' ',
  )
/** An event is a few hundred bytes, and up to this with large labels. */
const maxEventBytes = 4 * 1024 * 1024
/** A stream that can't be had is not asked for by each list. */
const pauseMs = 5_000
const killedWithinMs = 1_000
/** SIGHUP, SIGTERM and SIGKILL: upon the first two a debug container ends itself. */
const fatal = ['1', '15', '9']

/**
 * What happens to the containers of one engine. It listens only when asked to, and a stream that breaks is not taken up by
 * itself: until the next `listen`, nothing is known of changes.
 */
export class DockerEvents {
  readonly #client: DockerClient
  readonly #onChange: (containerId: string) => void
  readonly #closed = new AbortController()
  #opening: Promise<void> | undefined
  #stream: Readable | undefined
  #refusedAt = Number.NEGATIVE_INFINITY
  #period = 0

  constructor(client: DockerClient, onChange: (containerId: string) => void) {
    this.#client = client
    this.#onChange = onChange
  }

  /** Another number for each time without a gap; undefined while changes are not heard of. */
  get period(): number | undefined {
    return this.#stream === undefined ? undefined : this.#period
  }

  /** Resolves when changes from now on are heard of, or can't be. Never rejects. */
  async listen(): Promise<void> {
    if (this.#stream !== undefined || this.#closed.signal.aborted) return
    if (performance.now() - this.#refusedAt < pauseMs) return
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    await this.#opening
  }

  /** Lets go of the stream: the engine was seen to be away, which a connection may not notice for minutes. */
  drop(): void {
    this.#stream?.destroy()
    this.#lose(this.#stream)
  }

  close(): void {
    this.#closed.abort()
    this.drop()
  }

  async #open(): Promise<void> {
    const filters = JSON.stringify({ type: ['container'], event: changes })
    const call = { method: 'GET', path: '/events', query: { filters }, doing: 'tell what happens' } as const
    try {
      const stream = await this.#client.stream({ ...call, signal: this.#closed.signal, timeoutMs: 5_000 })
      this.#period += 1
      this.#stream = stream
      const lines = new Lines((line) => this.#take(line))
      stream.on('data', (chunk: Buffer) => {
        if (!lines.add(chunk)) stream.destroy()
      })
      // Without a listener a broken connection would end the process.
      stream.on('error', () => {})
      stream.once('close', () => this.#lose(stream))
    } catch {
      this.#refusedAt = performance.now()
    }
  }

  #take(line: string): void {
    try {
      const event = readRecord(JSON.parse(line))
      // `id` is what Docker called it before API 1.22, and what Podman still does.
      const id = readText(readRecord(event['Actor'])['ID']) || readText(event['id'])
      if (id !== '') this.#onChange(id)
    } catch {
      // What can't be read may have been about any container.
      this.drop()
    }
  }

  #lose(stream: Readable | undefined): void {
    if (stream === undefined || this.#stream !== stream) return
    this.#stream = undefined
  }
}

/**
 * Whether somebody had the engine kill this container, which has ended: `docker rm -f`, `docker stop` and `docker kill` leave an
 * event, a process that was killed in any other way does not. False, too, when the engine does not tell within a second.
 */
export async function wasKilledByEngine(client: DockerClient, id: string): Promise<boolean> {
  const filters = JSON.stringify({ type: ['container'], container: [id], event: ['kill', 'die', 'died'] })
  // The engine remembers its last 256 events (moby, daemon/events), by a clock that need not be ours: all of them.
  const query = { filters, since: '1' }
  const signal = AbortSignal.timeout(killedWithinMs)
  try {
    const call = { method: 'GET', path: '/events', query, doing: 'tell what happened', signal } as const
    for await (const line of readJsonLines(await client.stream({ ...call, timeoutMs: killedWithinMs }))) {
      const event = readRecord(line)
      const action = readText(event['Action']) || readText(event['status'])
      // Its death is the last that is asked for; without one of these before it, nobody asked for it.
      if (action !== 'kill') return false
      const { signal: sent } = readRecord(readRecord(event['Actor'])['Attributes'])
      if (fatal.includes(readText(sent))) return true
    }
  } catch {
    // The end is told without it.
  }
  return false
}

/** Bytes in, whole lines out. */
class Lines {
  readonly #onLine: (line: string) => void
  #parts: Buffer[] = []
  #bytes = 0

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  /** False for a line that is too long. */
  add(chunk: Buffer): boolean {
    let rest = chunk
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...this.#parts, rest.subarray(0, end)]).toString()
      this.#parts = []
      this.#bytes = 0
      rest = rest.subarray(end + 1)
      if (line.trim() !== '') this.#onLine(line)
    }
    this.#parts.push(rest)
    this.#bytes += rest.length
    return this.#bytes <= maxEventBytes
  }
}
