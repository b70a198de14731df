import { randomBytes } from 'node:crypto'

// A wall clock that is set back by less than this keeps counting from where it was, so that ids keep their order.
const toleratedStepMs = 10_000
const maxCounter = 0xfff

/** UUIDv7 (RFC 9562, section 5.7) with a counter in `rand_a`: ids of one process sort in the order in which they were made. */
export class AuditIds {
  readonly #now: () => number
  #lastMs = 0
  #counter = 0

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** An id and the ms since 1970 that it carries. */
  next(): { id: string; at: number } {
    const now = this.#now()
    if (now > this.#lastMs || this.#lastMs - now > toleratedStepMs) {
      this.#lastMs = now
      // Half of the range is left for counting.
      this.#counter = randomBytes(2).readUInt16BE() & 0x7ff
    } else if (this.#counter === maxCounter) {
      this.#lastMs++
      this.#counter = 0
    } else {
      this.#counter++
    }
    return { id: formatId(this.#lastMs, this.#counter, randomBytes(8)), at: this.#lastMs }
  }
}

/** No id of this or a later millisecond is smaller. */
export function smallestId(ms: number): string {
  return formatId(Math.max(0, Math.min(ms, 2 ** 48 - 1)), 0, Buffer.alloc(8))
}

function formatId(ms: number, counter: number, random: Buffer): string {
  const time = ms.toString(16).padStart(12, '0')
  const middle = (0x7000 | counter).toString(16)
  random[0] = ((random[0] ?? 0) & 0x3f) | 0x80
  const rest = random.toString('hex')
  return `${time.slice(0, 8)}-${time.slice(8)}-${middle}-${rest.slice(0, 4)}-${rest.slice(4)}`
}
