/** Does a work when it is its turn. Rejects with the signal's reason when that fires before. */
export type Turns = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>

/** Runs at most `limit` of the given works at a time, in the order in which they came. */
export function limitConcurrency(limit: number): Turns {
  /** Those that wait, each with what gives it its turn. */
  const waiting = new Set<() => void>()
  let running = 0
  const turn = async (signal: AbortSignal | undefined) => {
    if (running < limit) {
      running += 1
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = () => {
      if (waiting.delete(resolve)) reject(signal?.reason)
    }
    waiting.add(resolve)
    signal?.addEventListener('abort', leave, { once: true })
    await promise.finally(() => signal?.removeEventListener('abort', leave))
  }
  const release = () => {
    const [next] = waiting
    // The turn is handed on: nobody who comes now is quicker than one who waits.
    if (next === undefined) running -= 1
    else {
      waiting.delete(next)
      next()
    }
  }
  return async (work, signal) => {
    signal?.throwIfAborted()
    await turn(signal)
    try {
      return await work()
    } finally {
      release()
    }
  }
}
