import { setImmediate as nextTurn } from 'node:timers/promises'

/** Work that can be interrupted after each of its steps. */
export type Steps<T> = Generator<void, T>

/** Nobody else waits longer for a turn of the loop. */
const turnMs = 4

/** All steps at once: for work whose size is known to be small, and for who has the process to themselves. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** A few steps in each turn of the event loop. One step should take far less than {@link turnMs}. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (let since = performance.now(); ;) {
    const { done, value } = steps.next()
    if (done === true) return value
    if (performance.now() - since < turnMs) continue
    await nextTurn()
    since = performance.now()
  }
}
