import type { Store } from '../../server/core/store.ts'
import type { RefusingStore } from './refusing-store.ts'

/** Holds the first of these calls until it is released, or fails; `reached` resolves when it has come. */
export function hold(
  { refusing }: { refusing: RefusingStore },
  wanted: keyof Store,
  isMeant: (args: readonly unknown[]) => boolean,
) {
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  refusing.holds = (method, args) => {
    if (method !== wanted || !isMeant(args)) return undefined
    refusing.holds = () => undefined
    reached.resolve()
    return released.promise
  }
  return { reached: reached.promise, release: released.resolve, fail: released.reject }
}
