import type { HatchwayError } from '../core/errors.ts'
import type { RecordedEnd, Recorder, RecordingSummary } from '../core/recording.ts'
import type { TerminalSize } from '../core/streams.ts'
import type { LiveRecording } from './live-recording.ts'

/** How often a recording that can't be written is tried again. */
const retryMs = 1_000

/**
 * A recorder for sessions that go on when their recording can't. It throws nothing: what can't be written is counted, and once
 * something can be written again, the recording says how much is missing there.
 */
export class BestEffortRecorder implements Recorder {
  readonly #live: LiveRecording
  /** Bytes of output since the recording failed. */
  #missing: number | undefined
  #cause: HatchwayError | undefined
  #triedAt = 0
  #onFailure: (cause: Error) => void = () => undefined
  #onMended: (missing: number) => void = () => undefined

  constructor(live: LiveRecording) {
    this.#live = live
    this.#listen()
  }

  /** What was shown, recorded or not: the session's offset. */
  get offset(): number {
    return this.#live.offset + (this.#missing ?? 0)
  }

  output(bytes: Uint8Array): void {
    this.#try(bytes.length, () => this.#live.output(bytes))
  }

  input(bytes: Uint8Array): void {
    this.#try(0, () => this.#live.input(bytes))
  }

  resize(size: TerminalSize): void {
    this.#try(0, () => this.#live.resize(size))
  }

  marker(label: string): void {
    this.#try(0, () => this.#live.marker(label))
  }

  onFailure(listener: (cause: Error) => void): void {
    this.#onFailure = listener
  }

  onMended(listener: (missing: number) => void): void {
    this.#onMended = listener
  }

  async finish(end: RecordedEnd): Promise<RecordingSummary> {
    this.#bridge()
    return await this.#live.finish(end)
  }

  async suspend(): Promise<void> {
    try {
      this.#bridge()
    } catch {
      // The next process marks the gap that its coming makes.
    }
    await this.#live.suspend()
  }

  #try(bytes: number, write: () => void): void {
    if (this.#missing !== undefined && !this.#mend()) {
      this.#missing += bytes
      return
    }
    try {
      write()
    } catch (cause) {
      this.#fail(cause as HatchwayError)
      this.#missing = (this.#missing ?? 0) + bytes
    }
  }

  /** Whether it can be written again. */
  #mend(): boolean {
    const now = performance.now()
    // One that has reached its limit stays as it is.
    if (now - this.#triedAt < retryMs || this.#cause?.code === 'recording_too_large') return false
    this.#triedAt = now
    try {
      this.#bridge()
      return true
    } catch {
      return false
    }
  }

  #bridge(): void {
    if (this.#missing === undefined) return
    const missing = this.#missing
    this.#live.bridge(missing)
    this.#missing = undefined
    this.#listen()
    this.#onMended(missing)
  }

  #fail(cause: HatchwayError): void {
    if (this.#missing !== undefined) return
    this.#missing = 0
    this.#cause = cause
    this.#triedAt = performance.now()
    this.#onFailure(cause)
  }

  #listen(): void {
    this.#live.onFailure((cause) => this.#fail(cause as HatchwayError))
  }
}
