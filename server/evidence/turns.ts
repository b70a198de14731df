/** What one turn may take of the event loop. */
const turnMs = 5

/**
 * Shares the event loop between everything that reads long recordings: one short turn each time around, and what is
 * smallest first, so that a session with little to read does not wait for one with much.
 */
export class Turns {
  readonly #waiting: { weight: number; resolve: () => void }[] = []
  #isScheduled = false

  /** Passes on what `items` gives, and waits for another turn whenever one is used up. */
  async *pace<T>(items: AsyncIterable<T>, weight: number): AsyncGenerator<T> {
    let until = await this.next(weight)
    for await (const item of items) {
      if (performance.now() >= until) until = await this.next(weight)
      yield item
    }
  }

  /** Resolves at the begin of a turn, with the `performance.now()` of its end. */
  async next(weight: number): Promise<number> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({ weight, resolve })
      this.#schedule()
    })
    return performance.now() + turnMs
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#takeLightest()?.resolve()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }

  /** Of several as light, who came first. */
  #takeLightest(): { resolve: () => void } | undefined {
    let lightest = 0
    for (const [index, { weight }] of this.#waiting.entries()) {
      if (weight < (this.#waiting[lightest]?.weight ?? Infinity)) lightest = index
    }
    return this.#waiting.splice(lightest, 1)[0]
  }
}
