import { setTimeout as delay } from 'node:timers/promises'

/**
 * Polls until `check` neither throws nor answers false, and gives its answer back. Only for things that send no event.
 * Throws after `timeoutMs` with `what` was waited for and the last failure.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 10_000, what = 'the condition' }: { timeoutMs?: number; what?: string } = {},
): Promise<Exclude<T, false>> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    let last: unknown
    try {
      const answer = await check()
      if (answer !== false) return answer as Exclude<T, false>
    } catch (cause) {
      last = cause
    }
    if (Date.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`, { cause: last })
    }
    await delay(50)
  }
}
