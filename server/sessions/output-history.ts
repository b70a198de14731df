import type { TerminalSize } from '../core/target.ts'
import { flow } from '../protocol/terminal.ts'
import { OutputRing } from './output-ring.ts'
import type { ScreenModel, Screens, Snapshot } from './screen-model.ts'

/**
 * What a session has put out so far: the last bytes as they were, and the screen that all of it draws.
 * A viewer resumes from the bytes; who is further behind gets the screen.
 */
export class OutputHistory {
  readonly #ring: OutputRing
  readonly #screen: ScreenModel
  /** Output before this offset has been given to the screen. */
  #fed: number
  /** Changes of size that the screen has not seen, with the offset at which they happened. */
  #resizes: { offset: number; size: TerminalSize }[] = []

  constructor(options: { screens: Screens; size: TerminalSize; start: number; onDrain: () => void }) {
    this.#screen = options.screens.create(options.size, options.onDrain)
    this.#fed = options.start
    this.#ring = new OutputRing(flow.ring, options.start, (bytes) => this.#evicted(bytes))
  }

  /** Offset after the last byte. */
  get end(): number {
    return this.#ring.end
  }

  /** True while the screen can't keep up: reading should pause until `onDrain`. */
  get overloaded(): boolean {
    return this.#screen.overloaded
  }

  append(bytes: Uint8Array): void {
    this.#ring.append(bytes)
  }

  resize(size: TerminalSize): void {
    this.#resizes.push({ offset: this.#ring.end, size })
  }

  /**
   * Gives the screen the first `bytes` bytes of `chunks`: output from before the start, which the ring does not hold.
   * Never rejects: the screen is a convenience, and what the ring holds still draws most of it.
   */
  async primeFrom(chunks: AsyncIterable<Uint8Array>, bytes: number): Promise<void> {
    let left = bytes
    if (left <= 0) return
    try {
      for await (const chunk of chunks) {
        this.#screen.write(chunk.subarray(0, left))
        left -= chunk.length
        if (left <= 0) return
      }
    } catch {
      // See above.
    }
  }

  /** Every byte from `offset` on, or undefined when some of it is no longer held. */
  from(offset: number): Uint8Array[] | undefined {
    return this.#ring.from(offset)
  }

  /** The screen at `offset`, which is the end at the time of the call. Throws `timeout`. */
  async snapshot(): Promise<Snapshot & { offset: number }> {
    let at = this.#fed
    for (const view of this.#ring.from(at) ?? []) {
      this.#feed(view, at)
      at += view.length
    }
    this.#applyResizes(at)
    return { ...(await this.#screen.snapshot()), offset: at }
  }

  close(): void {
    this.#screen.close()
  }

  #evicted(bytes: Uint8Array): void {
    // The ring has moved its start already.
    const start = this.#ring.start - bytes.length
    const known = this.#fed - start
    if (known < bytes.length) this.#feed(bytes.subarray(Math.max(0, known)), Math.max(start, this.#fed))
  }

  /** Gives the screen these bytes, which begin at `offset`, with the changes of size between them. */
  #feed(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length
    let rest = bytes
    let at = offset
    for (let next = this.#resizes[0]; next !== undefined && next.offset <= end; next = this.#resizes[0]) {
      this.#screen.write(rest.subarray(0, next.offset - at))
      rest = rest.subarray(next.offset - at)
      at = next.offset
      this.#screen.resize(next.size)
      this.#resizes.shift()
    }
    this.#screen.write(rest)
    this.#fed = end
  }

  #applyResizes(offset: number): void {
    this.#feed(new Uint8Array(0), offset)
  }
}
