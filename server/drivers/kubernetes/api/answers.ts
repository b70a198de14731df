/** Answers that are good for a while, by what was asked. Bounded: the oldest go first, and those that are no longer good. */
export class RecentAnswers<T> {
  readonly #goodForMs: number
  /** The oldest first: what is asked again goes to the end. */
  readonly #answers = new Map<string, { at: number; answer: T }>()

  constructor(goodForMs: number) {
    this.#goodForMs = goodForMs
  }

  /** Also of answers that are no longer good and have not been dropped yet. */
  get size(): number {
    return this.#answers.size
  }

  /** `now` in milliseconds, by a clock that never goes back. Undefined when it has to be asked. */
  get(question: string, now: number): T | undefined {
    const known = this.#answers.get(question)
    return known !== undefined && this.#isGood(known.at, now) ? known.answer : undefined
  }

  /** Drops what is no longer good, and the oldest when there would be more than `most`. */
  set(question: string, answer: T, { now, most }: { now: number; most: number }): void {
    this.#answers.delete(question)
    this.#answers.set(question, { at: now, answer })
    for (const [oldest, { at }] of this.#answers) {
      if (this.#answers.size <= most && this.#isGood(at, now)) return
      this.#answers.delete(oldest)
    }
  }

  /** Unless there is another answer by now. */
  drop(question: string, answer: T): void {
    if (this.#answers.get(question)?.answer === answer) this.#answers.delete(question)
  }

  #isGood(at: number, now: number): boolean {
    return now - at < this.#goodForMs
  }
}
