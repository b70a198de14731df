/** Passes the newest of what comes on, at once and then no more often than each `everyMs`. */
export class Paced<T> {
  readonly #everyMs: number
  readonly #pass: (item: T) => void
  #newest: { item: T } | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(everyMs: number, pass: (item: T) => void) {
    this.#everyMs = everyMs
    this.#pass = pass
  }

  push(item: T): void {
    this.#newest = { item }
    if (this.#timer === undefined) this.#next()
  }

  /** What waits is not passed on any more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#newest = undefined
  }

  #next(): void {
    this.#timer = undefined
    const newest = this.#newest
    if (newest === undefined) return
    this.#newest = undefined
    this.#timer = setTimeout(() => this.#next(), this.#everyMs).unref()
    this.#pass(newest.item)
  }
}

/** Runs one call at a time, the next one with the newest of what was asked for meanwhile. */
export class OneAtATime<T> {
  readonly #call: (item: T) => Promise<void>
  #newest: { item: T } | undefined
  #isBusy = false

  constructor(call: (item: T) => Promise<void>) {
    this.#call = call
  }

  push(item: T): void {
    this.#newest = { item }
    if (!this.#isBusy) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isBusy = true
    for (let next = this.#newest; next !== undefined; next = this.#newest) {
      this.#newest = undefined
      await this.#call(next.item).catch(() => undefined)
    }
    this.#isBusy = false
  }
}
