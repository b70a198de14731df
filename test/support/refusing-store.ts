import { HatchwayError } from '../../server/core/errors.ts'
import type { Store, Transaction } from '../../server/core/store.ts'

/**
 * A store that can be made to refuse, as one on a full disk does: real ones do not do so on demand, call by call. What it does not
 * refuse, the store behind it does. A transaction is refused, and held, for each of the calls in it by their names.
 */
export class RefusingStore {
  /** Whether a call is refused; the test sets it. */
  refuses: (method: keyof Store, args: readonly unknown[]) => boolean = () => false
  /** What a call waits for before it is made; the test sets it. */
  holds: (method: keyof Store, args: readonly unknown[]) => Promise<unknown> | undefined = () => undefined
  /** Whether a call is done and its answer lost, as one that takes longer than the store is waited for; the test sets it. */
  loses: (method: keyof Store, args: readonly unknown[]) => boolean = () => false
  /** What was refused, in its order. */
  readonly refused: (keyof Store)[] = []
  readonly store: Store

  constructor(real: Store) {
    this.store = new Proxy(real, {
      get: (target, name: keyof Store) => {
        if (name === 'transaction')
          return async <T>(write: (transaction: Transaction) => T) =>
            await this.#let(callsOf(write), () => target.transaction(write))
        const method = target[name] as (...args: unknown[]) => Promise<unknown>
        return (...args: unknown[]) => this.#let([[name, args]], () => method.apply(target, args))
      },
    })
  }

  /** Does what these calls ask for together, or refuses it whole by the first that is refused. */
  #let<T>(calls: readonly Call[], act: () => Promise<T>): Promise<T> {
    for (const [name, args] of calls) {
      if (!this.refuses(name, args)) continue
      this.refused.push(name)
      const words = 'The store cannot be used: database or disk is full.'
      return Promise.reject(new HatchwayError('store_unavailable', words))
    }
    const held = calls.flatMap(([name, args]) => this.holds(name, args) ?? [])
    const isLost = calls.some(([name, args]) => this.loses(name, args))
    const done = held.length === 0 ? act() : Promise.all(held).then(act)
    return isLost ? done.then(() => Promise.reject(unanswered())) : done
  }

  /** Refuses these from now on; none of them, when none is named. */
  refuse(...methods: readonly (keyof Store)[]): void {
    this.refuses = (name) => methods.includes(name)
  }
}

function unanswered(): HatchwayError {
  return new HatchwayError('store_unavailable', 'The store cannot be used: it did not answer within 30 s.')
}

type Call = readonly [name: keyof Store, args: readonly unknown[]]

/** The calls that a transaction makes, by the names that they have on the store. */
function callsOf(write: (transaction: Transaction) => unknown): Call[] {
  const calls: Call[] = []
  write({
    createSession: (...args) => void calls.push(['createSession', args]),
    updateSession: (...args) => void calls.push(['updateSession', args]),
    appendAudit: (event) => {
      calls.push(['appendAudit', [event]])
      return { ...event, id: '', at: new Date() }
    },
    requireLease: () => undefined,
  })
  return calls
}
