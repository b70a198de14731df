/** Where time comes from: injected by tests. */
export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number
  /** Never goes back, ms since any moment. */
  monotonic(): number
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }

/**
 * The time axis of one recording, in whole microseconds from its start. Each interval is the difference of two rounded
 * positions, so rounding errors don't add up.
 */
export class RecordingClock {
  readonly #clock: Clock
  readonly #originUs: number
  readonly #originMonotonic: number
  #lastUs: number

  /** `startedAt` in ms since 1970; `lastUs` is the position of the last event that an earlier process wrote. */
  constructor(clock: Clock, startedAt: number, lastUs?: number) {
    this.#clock = clock
    this.#originMonotonic = clock.monotonic()
    this.#lastUs = lastUs ?? 0
    // Across processes only the wall clock knows how long the gap was.
    this.#originUs = lastUs === undefined ? 0 : Math.max(lastUs, (clock.now() - startedAt) * 1000)
  }

  /** Position of the last event. */
  get lastUs(): number {
    return this.#lastUs
  }

  /** Takes back the events after this position: they were not written, and the next interval covers their time. */
  rewind(lastUs: number): void {
    this.#lastUs = lastUs
  }

  /** Time since the last event; never negative. */
  nextInterval(): number {
    const elapsedMs = this.#clock.monotonic() - this.#originMonotonic
    const nowUs = Math.max(this.#lastUs, Math.round(this.#originUs + elapsedMs * 1000))
    const interval = nowUs - this.#lastUs
    this.#lastUs = nowUs
    return interval
  }
}
