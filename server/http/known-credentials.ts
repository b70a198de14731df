import { createHash } from 'node:crypto'

/** Both lists are this long at most; the eldest goes first. */
const maxKnown = 10_000
const goodMs = 5 * 60_000
/** A token that is not good yet, or whose key is published a moment later, is looked at again after this. */
const refusedMs = 10_000

/**
 * Which credentials were let in or refused a moment ago, by their hashes: so that a flood from an address keeps nobody out who was let
 * in there before, and what is bad is not verified again and again. It lets nobody in: whoever is found is still authenticated.
 */
export class KnownCredentials {
  readonly #good = new Map<string, number>()
  readonly #refused = new Map<string, number>()
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  accepted(credential: string): void {
    const key = hashOf(credential)
    this.#refused.delete(key)
    keep(this.#good, key, this.#now() + goodMs)
  }

  refused(credential: string): void {
    const key = hashOf(credential)
    this.#good.delete(key)
    keep(this.#refused, key, this.#now() + refusedMs)
  }

  isGood(credential: string): boolean {
    return (this.#good.get(hashOf(credential)) ?? 0) > this.#now()
  }

  isRefused(credential: string): boolean {
    return (this.#refused.get(hashOf(credential)) ?? 0) > this.#now()
  }
}

function keep(known: Map<string, number>, key: string, until: number): void {
  // Taken out and put in again, a key is the youngest.
  known.delete(key)
  known.set(key, until)
  const [eldest] = known.keys()
  if (known.size > maxKnown && eldest !== undefined) known.delete(eldest)
}

function hashOf(credential: string): string {
  return createHash('sha256').update(credential).digest('base64')
}
