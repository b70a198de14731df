/** What is flushed: `flush` never rejects. */
export interface Flushable {
  readonly dirty: boolean
  flush(): Promise<void>
}

// Half the promised second, so that the wait for a free thread fits into the other half.
const periodMs = 500
// The thread pool has 4 threads, shared with DNS and file reads: a slow disk must not take all of them.
const concurrency = 2

/** Flushes every dirty member at least once a second, with one timer for all of them. */
export class FlushSchedule {
  readonly #members = new Set<Flushable>()
  #timer: NodeJS.Timeout | undefined
  #flushing = false

  add(member: Flushable): void {
    this.#members.add(member)
    this.#timer ??= setInterval(() => void this.#flushAll(), periodMs).unref()
  }

  remove(member: Flushable): void {
    this.#members.delete(member)
    if (this.#members.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #flushAll(): Promise<void> {
    if (this.#flushing) return
    this.#flushing = true
    const queue = [...this.#members].filter((member) => member.dirty).values()
    const drain = async () => {
      for (const member of queue) await member.flush()
    }
    await Promise.all(Array.from({ length: concurrency }, drain))
    this.#flushing = false
  }
}
