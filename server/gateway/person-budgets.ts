import { HatchwayError } from '../core/errors.ts'
import { personKey, type PersonId } from '../core/same-person.ts'

const windowMs = 60_000
/** People who are counted at once; the one whose minute began first is forgotten first. */
const maxPeople = 10_000
/** Pages of 200 sessions that policy looks through, and pieces of 5,000 rows that the store does. */
const listPagesPerMinute = 1200
const simulationsPerMinute = 30

/** Of one person, in a minute. */
export interface PersonRates {
  openingsPerMinute: number
  runsPerMinute: number
}

export const defaultRates: PersonRates = { openingsPerMinute: 120, runsPerMinute: 120 }

/** What one person may have done for them in a minute, whatever their requests are. Counted in this process alone. */
export type PersonBudgets = ReturnType<typeof createPersonBudgets>

export function createPersonBudgets({ openingsPerMinute, runsPerMinute }: PersonRates = defaultRates) {
  return {
    openings: new PersonBudget(openingsPerMinute, 'sessions asked for'),
    runs: new PersonBudget(runsPerMinute, 'runs asked for'),
    listPages: new PersonBudget(listPagesPerMinute, 'pages of sessions and events looked through'),
    simulations: new PersonBudget(simulationsPerMinute, 'policies simulated'),
  }
}

/** So much in each minute, for each person. */
export class PersonBudget {
  readonly #perMinute: number
  readonly #what: string
  readonly #now: () => number
  readonly #spent = new Map<string, { amount: number; until: number }>()

  /** `what` goes into the words: `runs asked for`. */
  constructor(perMinute: number, what: string, now: () => number = Date.now) {
    this.#perMinute = perMinute
    this.#what = what
    this.#now = now
  }

  /** Counts one. Throws `too_many_requests`, with when to come back, when none is left; then nothing is counted. */
  spend(who: PersonId): void {
    const spent = this.#spentBy(personKey(who))
    if (spent.amount < this.#perMinute) {
      spent.amount++
      return
    }
    const seconds = Math.max(1, Math.ceil((spent.until - this.#now()) / 1000))
    const detail = `More than ${this.#perMinute} ${this.#what} in a minute by one person. Try again in ${seconds} seconds.`
    throw new HatchwayError('too_many_requests', detail, { retryAfterSeconds: seconds })
  }

  #spentBy(key: string): { amount: number; until: number } {
    const now = this.#now()
    const known = this.#spent.get(key)
    if (known !== undefined && known.until > now) return known
    const fresh = { amount: 0, until: now + windowMs }
    // Taken out and put in again, a key is the youngest.
    this.#spent.delete(key)
    this.#spent.set(key, fresh)
    const [eldest] = this.#spent.keys()
    if (this.#spent.size > maxPeople && eldest !== undefined) this.#spent.delete(eldest)
    return fresh
  }
}
