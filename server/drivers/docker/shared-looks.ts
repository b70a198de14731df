interface Look {
  current: Promise<unknown>
  next?: Promise<unknown>
}

/**
 * Questions that many ask at once. Whoever asks while a look is under way gets the answer of the next one, so each sees what
 * there was when they asked or later; and however many ask, one look is under way and one waits.
 */
export class SharedLooks {
  readonly #looks = new Map<string, Look>()

  /** The answer of the first look that begins from now on, and its failure. */
  ask<T>(key: string, look: () => Promise<T>): Promise<T> {
    const running = this.#looks.get(key)
    if (running === undefined) return this.#begin(key, look)
    const begin = () => this.#begin(key, look)
    running.next ??= running.current.then(begin, begin)
    return running.next as Promise<T>
  }

  #begin<T>(key: string, look: () => Promise<T>): Promise<T> {
    const current = look()
    const entry: Look = { current }
    this.#looks.set(key, entry)
    const forget = () => {
      if (this.#looks.get(key) === entry && entry.next === undefined) this.#looks.delete(key)
    }
    current.then(forget, forget)
    return current
  }
}
