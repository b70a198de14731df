import { flow } from '../../server/protocol/terminal.ts'

/** A run of output that is to be written to the terminal in one piece. */
export interface OutputPart {
  bytes: Uint8Array
  /** False for a snapshot and for bytes that some terminal has shown before: queries in them stay unanswered. */
  answer: boolean
  /** Offset after these bytes; absent for a snapshot, whose bytes do not count. */
  end?: number
  /** True for the last part that was not live: from here on the screen is the present. */
  catchesUp: boolean
  epoch: number
}

/**
 * Keeps count of where one terminal stands in a session's output: what came in, what was drawn, what was
 * acknowledged. All numbers are byte offsets of the output stream.
 */
export class OutputLedger {
  #received = 0
  #processed = 0
  #acknowledged = 0
  #snapshotLeft = 0
  #liveFrom = 0
  #fresh = true
  #awaitsReset = false
  // Parts of an earlier epoch were cut off by a reset: their late completion says nothing about this one.
  #epoch = 0

  /**
   * Where to go on after a reconnect; undefined when only a fresh start can give a right screen. It is what came
   * in, not what was drawn: the rest is queued in this very terminal and would otherwise be drawn twice.
   */
  get resumeOffset(): number | undefined {
    return this.#fresh || this.#awaitsReset || this.#snapshotLeft > 0 ? undefined : this.#received
  }

  /** Bytes of output that the terminal has drawn. */
  get processed(): number {
    return this.#processed
  }

  /** True while what comes next is not live yet. */
  get behind(): boolean {
    return this.#snapshotLeft > 0 || this.#received < this.#liveFrom
  }

  /** Takes over the server's position; true when the terminal has to be cleared because it shows something else. */
  hello(offset: number, liveFrom: number): boolean {
    const asked = this.resumeOffset
    // The server begins elsewhere only when it can't begin where it was asked to: a reset follows.
    this.#awaitsReset = offset !== (asked ?? 0)
    const continues = asked === offset
    if (!continues) this.#moveTo(offset)
    this.#acknowledged = offset
    this.#liveFrom = liveFrom
    return !continues
  }

  /** The next `snapshotBytes` bytes draw the screen as it is at `offset`. */
  reset(offset: number, snapshotBytes: number): void {
    this.#moveTo(offset)
    this.#awaitsReset = false
    this.#snapshotLeft = snapshotBytes
    this.#liveFrom = offset
  }

  /** Cuts one frame where a snapshot ends and where live output begins. */
  take(frame: Uint8Array): OutputPart[] {
    const parts: OutputPart[] = []
    let rest = frame
    while (rest.length > 0) {
      const part = this.#next(rest)
      parts.push(part)
      rest = rest.subarray(part.bytes.length)
    }
    return parts
  }

  /** Call when the terminal has drawn a part; returns the offset to acknowledge, when it is time to. */
  done(part: OutputPart): number | undefined {
    if (part.epoch !== this.#epoch || part.end === undefined) return undefined
    this.#processed = part.end
    if (this.#processed - this.#acknowledged < flow.ackStep) return undefined
    this.#acknowledged = this.#processed
    return this.#processed
  }

  #next(rest: Uint8Array): OutputPart {
    const epoch = this.#epoch
    if (this.#snapshotLeft > 0) {
      const bytes = rest.subarray(0, this.#snapshotLeft)
      this.#snapshotLeft -= bytes.length
      return { bytes, answer: false, catchesUp: !this.behind, epoch }
    }
    const answer = this.#received >= this.#liveFrom
    const bytes = answer ? rest : rest.subarray(0, this.#liveFrom - this.#received)
    this.#received += bytes.length
    return { bytes, answer, end: this.#received, catchesUp: !answer && !this.behind, epoch }
  }

  #moveTo(offset: number): void {
    this.#fresh = false
    this.#epoch++
    this.#received = offset
    this.#processed = offset
    this.#acknowledged = offset
    this.#snapshotLeft = 0
  }
}
