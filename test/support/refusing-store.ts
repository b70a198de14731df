import { HatchwayError } from '../../server/core/errors.ts'
import type { Store } from '../../server/core/store.ts'

/**
 * A store that can be made to refuse, as one on a full disk does: real ones do not do so on demand, call by call. What it does not
 * refuse, the store behind it does.
 */
export class RefusingStore {
  /** Whether a call is refused; the test sets it. */
  refuses: (method: keyof Store, args: readonly unknown[]) => boolean = () => false
  /** What a call waits for before it is made; the test sets it. */
  holds: (method: keyof Store, args: readonly unknown[]) => Promise<unknown> | undefined = () => undefined
  /** What was refused, in its order. */
  readonly refused: (keyof Store)[] = []
  readonly store: Store

  constructor(real: Store) {
    this.store = new Proxy(real, {
      get: (target, name: keyof Store) => {
        const method = target[name] as (...args: unknown[]) => Promise<unknown>
        return (...args: unknown[]) => {
          if (!this.refuses(name, args)) {
            const held = this.holds(name, args)
            return held === undefined
              ? method.apply(target, args)
              : held.then(() => method.apply(target, args))
          }
          this.refused.push(name)
          const words = 'The store cannot be used: database or disk is full.'
          return Promise.reject(new HatchwayError('store_unavailable', words))
        }
      },
    })
  }

  /** Refuses these from now on; none of them, when none is named. */
  refuse(...methods: readonly (keyof Store)[]): void {
    this.refuses = (name) => methods.includes(name)
  }
}
