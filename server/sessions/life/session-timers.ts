import { endOf } from '../../core/session-end.ts'
import type { SessionEnd, SessionRow } from '../../core/session.ts'
import { kindOf } from '../kinds/kinds.ts'

interface Options {
  deadline: Date
  idleTimeoutMs: number
  /** How long a session outlives its last viewer. */
  detachedGraceMs: number
  onWarning: (text: string) => void
  onEnd: (end: SessionEnd) => void
}

const minute = 60_000
const warnBeforeDeadlineMs = [5 * minute, minute]
const warnBeforeIdleMs = minute

/**
 * The three clocks of a live session: its deadline by policy, the time since the last input, and the time without
 * any viewer. One timer, set to whatever is due next; noting input only stores a number.
 */
export class SessionTimers {
  readonly #options: Options
  #timer: NodeJS.Timeout | undefined
  #lastInput = Date.now()
  #detachedSince: number | undefined = Date.now()
  #warningsLeft: number[]
  #warnedIdle = false
  #stopped = false

  constructor(options: Options) {
    this.#options = options
    const left = options.deadline.getTime() - Date.now()
    this.#warningsLeft = warnBeforeDeadlineMs.filter((before) => before < left)
    this.#schedule()
  }

  noteInput(): void {
    this.#lastInput = Date.now()
    this.#warnedIdle = false
  }

  /** Whether anybody watches. */
  setAttached(attached: boolean): void {
    if (attached === (this.#detachedSince === undefined)) return
    this.#detachedSince = attached ? undefined : Date.now()
    this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    const wait = Math.max(1, this.#nextDue() - Date.now())
    this.#timer = setTimeout(() => this.#check(), Math.min(wait, 2 ** 31 - 1))
    this.#timer.unref()
  }

  #nextDue(): number {
    const { deadline, detachedGraceMs } = this.#options
    const due = [deadline.getTime(), this.#idleAt() - (this.#warnedIdle ? 0 : warnBeforeIdleMs)]
    const warning = this.#warningsLeft[0]
    if (warning !== undefined) due.push(deadline.getTime() - warning)
    if (this.#detachedSince !== undefined) due.push(this.#detachedSince + detachedGraceMs)
    return Math.min(...due)
  }

  #idleAt(): number {
    return this.#lastInput + this.#options.idleTimeoutMs
  }

  #check(): void {
    const now = Date.now()
    const end = this.#dueEnd(now)
    if (end !== undefined) {
      this.stop()
      this.#options.onEnd(end)
      return
    }
    const warning = this.#warningsLeft[0]
    if (warning !== undefined && now >= this.#options.deadline.getTime() - warning) {
      this.#warningsLeft.shift()
      this.#options.onWarning(`This session ends in ${inWords(warning)}: its time limit is reached.`)
    }
    if (!this.#warnedIdle && now >= this.#idleAt() - warnBeforeIdleMs) {
      this.#warnedIdle = true
      const left = this.#idleAt() - now
      this.#options.onWarning(`Nothing was typed for a while: this session ends in ${inWords(left)}.`)
    }
    this.#schedule()
  }

  #dueEnd(now: number): SessionEnd | undefined {
    const { deadline, idleTimeoutMs, detachedGraceMs } = this.#options
    if (now >= deadline.getTime())
      return endOf('expired', { detail: 'The time limit of the session was reached.' })
    if (now >= this.#idleAt()) {
      return endOf('idle', { detail: `Nothing was typed for ${inWords(idleTimeoutMs)}.` })
    }
    if (this.#detachedSince !== undefined && now >= this.#detachedSince + detachedGraceMs) {
      return endOf('idle', {
        code: 'nobody_connected',
        detail: `Nobody was connected for ${inWords(detachedGraceMs)}.`,
      })
    }
    return undefined
  }
}

/** The clocks of this session from now on. Into what is not interactive nobody types, and nobody has to watch it. */
export function timersOf(
  row: SessionRow,
  detachedGraceMs: number,
  on: Pick<Options, 'onWarning' | 'onEnd'>,
): SessionTimers {
  const { deadline, idleTimeoutMs } = row
  const patience = kindOf(row).interactive
    ? { idleTimeoutMs, detachedGraceMs }
    : { idleTimeoutMs: Infinity, detachedGraceMs: Infinity }
  return new SessionTimers({ deadline, ...patience, ...on })
}

/** `90000` → `1 minute 30 seconds`. */
export function inWords(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000))
  const parts = [
    [Math.floor(seconds / 3600), 'hour'],
    [Math.floor((seconds % 3600) / 60), 'minute'],
    [seconds % 60, 'second'],
  ] as const
  return parts
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}${n === 1 ? '' : 's'}`)
    .slice(0, 2)
    .join(' ')
}
