import { setTimeout as delay } from 'node:timers/promises'

export interface OwedOptions {
  /** A try failed; the next one comes. `what` is the key of the work. */
  onFailure: (what: string, cause: unknown) => void
  /** Waits between tries, in milliseconds; the last one goes on. */
  backOffMs?: readonly number[]
}

interface Debt {
  act: () => Promise<void>
  tries: number
  running: Promise<void> | undefined
  timer: NodeJS.Timeout | undefined
}

const defaultBackOffMs = [500, 1_000, 2_000, 5_000, 10_000]
/** How long a stop waits for the last try of everything. */
const lastTryMs = 5_000

/**
 * Work that has to be done once it can be: an end that a full disk did not take, an event that the store refused.
 * Tries each piece of work again, with growing pauses, until it has been done. Work that is tried again must be able to
 * stand it: it remembers which of its steps are done. Keeps no process alive.
 */
export class Owed {
  readonly #options: OwedOptions
  readonly #debts = new Map<string, Debt>()
  #closed = false

  constructor(options: OwedOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#debts.size
  }

  has(what: string): boolean {
    return this.#debts.has(what)
  }

  /** The first try comes after the first pause: whoever owes has just failed. Work under a known key is not taken twice. */
  add(what: string, act: () => Promise<void>): void {
    if (this.#debts.has(what)) return
    const debt: Debt = { act, tries: 0, running: undefined, timer: undefined }
    this.#debts.set(what, debt)
    this.#schedule(what, debt)
  }

  /** Tries everything one last time, for a few seconds at most, and gives up what is left. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { timer } of this.#debts.values()) clearTimeout(timer)
    const last = [...this.#debts].map(([what, debt]) => debt.running ?? this.#try(what, debt))
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, lastTryMs)))
    await Promise.race([Promise.all(last), patience])
    clearTimeout(timer)
    this.#debts.clear()
  }

  #schedule(what: string, debt: Debt): void {
    if (this.#closed) return
    const wait = waitOf(debt.tries, this.#options.backOffMs)
    debt.timer = setTimeout(() => {
      debt.running = this.#try(what, debt)
    }, wait).unref()
  }

  async #try(what: string, debt: Debt): Promise<void> {
    try {
      await debt.act()
      this.#debts.delete(what)
    } catch (cause) {
      debt.tries++
      debt.running = undefined
      this.#options.onFailure(what, cause)
      this.#schedule(what, debt)
    }
  }
}

/** Tries until it works. Undefined when `signal` ended it before that; never rejects. */
export async function untilDone<T>(
  act: () => Promise<T>,
  options: { signal: AbortSignal; onFailure: (cause: unknown) => void; backOffMs?: readonly number[] },
): Promise<T | undefined> {
  const { signal, onFailure, backOffMs } = options
  for (let tries = 0; !signal.aborted; tries++) {
    try {
      return await act()
    } catch (cause) {
      onFailure(cause)
      await delay(waitOf(tries, backOffMs), undefined, { signal, ref: false }).catch(() => undefined)
    }
  }
  return undefined
}

function waitOf(tries: number, backOffMs: readonly number[] = defaultBackOffMs): number {
  return backOffMs[Math.min(tries, backOffMs.length - 1)] ?? 0
}
