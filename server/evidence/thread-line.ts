import { HatchwayError } from '../core/errors.ts'

export interface ThreadLineOptions {
  /** Threads at once, for everybody together. */
  threads: number
  /** Those who wait for one; more are refused. */
  maxWaiting: number
  /** Of these, one person's. */
  maxWaitingEach: number
  /** How long somebody waits before they are told to come back. */
  waitMs: number
  /** What the threads do, for the words: `Recordings are being converted`. */
  what: string
}

/** One person's right to a thread. Give it back once, when the thread has ended. */
export interface ThreadPlace {
  give(): void
}

interface Person {
  hasThread: boolean
  waiting: ((place: ThreadPlace) => void)[]
}

/**
 * Threads that people share: each has at most one at a time, and those who wait take turns person by person, so that whoever
 * asks for much waits for themselves. Who it is for is told by a key, as of `personKey`.
 */
export class ThreadLine {
  readonly #options: ThreadLineOptions
  /** Those who have a thread or wait for one; whoever gave one back last is the last. */
  readonly #people = new Map<string, Person>()
  #free: number

  constructor(options: ThreadLineOptions) {
    this.#options = options
    this.#free = options.threads
  }

  /** How many wait, of everybody. */
  get waiting(): number {
    return this.#people.values().reduce((sum, { waiting }) => sum + waiting.length, 0)
  }

  /**
   * Resolves once it is their turn. Throws `too_many_requests` where too many wait, or for too long, and `cancelled` when `signal` is
   * aborted; then they have left the line.
   */
  async take(who: string, signal: AbortSignal): Promise<ThreadPlace> {
    if (signal.aborted) throw cancelled()
    const person = this.#people.get(who) ?? { hasThread: false, waiting: [] }
    const { maxWaiting, maxWaitingEach, waitMs, what } = this.#options
    if (person.waiting.length >= maxWaitingEach) {
      const detail = `${what} for you already, and ${maxWaitingEach} more of yours wait. Try again when they are done.`
      throw new HatchwayError('too_many_requests', detail)
    }
    if (this.waiting >= maxWaiting) {
      throw new HatchwayError('too_many_requests', `${what} for too many people at once. Try again shortly.`)
    }
    const { promise, resolve, reject } = Promise.withResolvers<ThreadPlace>()
    const leave = (cause: HatchwayError) => {
      const at = person.waiting.indexOf(resolve)
      // Not there: it has just been their turn, and whoever got the place gives it back.
      if (at === -1) return
      person.waiting.splice(at, 1)
      this.#tidy(who, person)
      reject(cause)
    }
    const left = () => leave(cancelled())
    const late = new HatchwayError(
      'too_many_requests',
      `${what} for others, and for ${waitMs / 1000} seconds none of the threads came free. Try again shortly.`,
    )
    const timer = setTimeout(() => leave(late), waitMs)
    signal.addEventListener('abort', left, { once: true })
    this.#people.set(who, person)
    person.waiting.push(resolve)
    this.#hand()
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', left)
    }
  }

  /** Whether somebody waits who would get this person's thread, were it given back. */
  isWanted(who: string): boolean {
    for (const [key, { waiting, hasThread }] of this.#people) {
      if (waiting.length > 0 && (key === who || !hasThread)) return true
    }
    return false
  }

  #hand(): void {
    for (const [who, person] of this.#people) {
      if (this.#free === 0) return
      if (person.hasThread) continue
      const next = person.waiting.shift()
      if (next === undefined) continue
      person.hasThread = true
      this.#free--
      next({ give: () => this.#takeBack(who, person) })
    }
  }

  #takeBack(who: string, person: Person): void {
    person.hasThread = false
    this.#free++
    this.#people.delete(who)
    this.#people.set(who, person)
    this.#tidy(who, person)
    this.#hand()
  }

  #tidy(who: string, person: Person): void {
    if (!person.hasThread && person.waiting.length === 0) this.#people.delete(who)
  }
}

function cancelled(): HatchwayError {
  return new HatchwayError('cancelled', 'The caller went away.')
}
