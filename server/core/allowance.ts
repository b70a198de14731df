/** So many at once, and so many in each second: what somebody may ask for, however fast they ask. */
export class Allowance {
  readonly #burst: number
  readonly #perSecond: number
  #left: number
  #at = performance.now()

  constructor(options: { burst: number; perSecond: number }) {
    this.#burst = options.burst
    this.#perSecond = options.perSecond
    this.#left = options.burst
  }

  /** Takes one; false when there is none left now. */
  take(): boolean {
    const now = performance.now()
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / 1000) * this.#perSecond)
    this.#at = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
