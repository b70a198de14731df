import { Readable } from 'node:stream'
import { HatchwayError } from '../core/errors.ts'
import { readInThread } from './reading-thread.ts'
import { ThreadLine } from './thread-line.ts'

export interface Conversion {
  /** Who asks, by `personKey`: they have one thread at a time. */
  who?: string
  line?: ThreadLine
  /** How long its reader may leave the thread waiting, all in all, while somebody waits for it. */
  patienceMs?: number
}

const conversions = new ThreadLine({
  threads: 2,
  maxWaiting: 50,
  maxWaitingEach: 10,
  waitMs: 120_000,
  what: 'Recordings are being converted',
})
const defaultPatienceMs = 60_000

/** asciicast v2, for players older than asciinema 3: absolute times, no exit event, no comments. */
export function toAsciicastV2(recording: Readable, options: Conversion = {}): Readable {
  return new ConvertedRecording(recording, 'v2', options)
}

/** What the terminal printed, as plain text in UTF-8: without escape sequences, one `\n` per line. */
export function toText(recording: Readable, options: Conversion = {}): Readable {
  return new ConvertedRecording(recording, 'text', options)
}

/**
 * In a thread of its own and no faster than it is read. The stream fails with `too_many_requests` when too many are wanted at
 * once, or when its reader was too slow while others waited for the thread, and with `timeout`. Destroying it ends the
 * thread, or the wait for one, and the source.
 */
class ConvertedRecording extends Readable {
  readonly #recording: Readable
  readonly #pieces: AsyncGenerator<Uint8Array>
  readonly #stop = new AbortController()
  readonly #patience: Patience

  constructor(recording: Readable, task: 'text' | 'v2', options: Conversion) {
    super()
    const { who = '', line = conversions, patienceMs = defaultPatienceMs } = options
    this.#recording = recording
    // It may break while this waits for a thread; whoever reads it then is told.
    recording.on('error', () => undefined)
    this.#pieces = readInThread(recording, { task, who, line, signal: this.#stop.signal })
    this.#patience = new Patience(
      patienceMs,
      () => line.isWanted(who),
      () => this.destroy(tooSlow(patienceMs)),
    )
  }

  override _read(): void {
    this.#patience.readerIsBack()
    void this.#pass()
  }

  async #pass(): Promise<void> {
    try {
      const { value, done } = await this.#pieces.next()
      if (this.destroyed) return
      if (done !== true) this.#patience.readerIsGone()
      this.push(done === true ? null : value)
    } catch (cause) {
      this.destroy(cause as Error)
    }
  }

  override _destroy(cause: Error | null, done: (error?: Error | null) => void): void {
    this.#patience.readerIsBack()
    this.#stop.abort()
    this.#recording.destroy()
    // It may be between two pieces, where no signal reaches it.
    this.#pieces.return(undefined).catch(() => undefined)
    done(cause)
  }
}

/** Counts the time in which a thread waits for its reader while somebody else waits for the thread. */
class Patience {
  readonly #isWanted: () => boolean
  readonly #onOver: () => void
  #leftMs: number
  #since = 0
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number, isWanted: () => boolean, onOver: () => void) {
    this.#leftMs = ms
    this.#isWanted = isWanted
    this.#onOver = onOver
  }

  readerIsGone(): void {
    this.#since = performance.now()
    this.#timer = setTimeout(() => {
      if (this.#isWanted()) this.#onOver()
      else this.readerIsGone()
    }, this.#leftMs)
  }

  readerIsBack(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#isWanted()) this.#leftMs -= performance.now() - this.#since
  }
}

function tooSlow(patienceMs: number): HatchwayError {
  const detail = `Others wait for the thread of this conversion, and it waited ${patienceMs / 1000} seconds for its reader. Read it faster, or read the recording as it is stored.`
  return new HatchwayError('too_many_requests', detail)
}
