/** Timers can't be set for longer. */
const maxDelayMs = 2 ** 31 - 1

/** Calls back for each id when its time has come, once. */
export class Expiries {
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #onExpire: (id: string) => void

  constructor(onExpire: (id: string) => void) {
    this.#onExpire = onExpire
  }

  watch(id: string, at: Date): void {
    this.forget(id)
    const left = at.getTime() - Date.now()
    const timer = setTimeout(
      () => {
        this.#timers.delete(id)
        if (at.getTime() > Date.now()) this.watch(id, at)
        else this.#onExpire(id)
      },
      Math.min(Math.max(left, 0), maxDelayMs),
    )
    this.#timers.set(id, timer.unref())
  }

  forget(id: string): void {
    clearTimeout(this.#timers.get(id))
    this.#timers.delete(id)
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }
}
