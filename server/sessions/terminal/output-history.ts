import type { TerminalSize } from '../../core/streams.ts'
import { flow } from '../../protocol/terminal.ts'
import { OutputRing } from './output-ring.ts'
import type { ScreenModel, Snapshot } from './screen-model.ts'
import type { Screens } from './screens.ts'

/** How long somebody waits for what a long recording draws. */
const longestPrimingMs = 5_000

/**
 * What a session has put out so far: the last bytes as they were, and the screen that all of it draws.
 * A viewer resumes from the bytes; who is further behind gets the screen.
 */
export class OutputHistory {
  readonly #ring: OutputRing
  readonly #screen: ScreenModel
  readonly #onDrain: () => void
  /** Output before this offset has been given to the screen. */
  #fed: number
  /** Changes of size that the screen has not seen, with the offset at which they happened. */
  #resizes: { offset: number; size: TerminalSize }[] = []
  /** Output from before the start is on its way to the screen; what follows waits behind it. */
  #priming: Promise<void> | undefined
  #waiting: (Uint8Array | TerminalSize)[] = []
  #waitingBytes = 0
  #isInHaste = false
  #haste: NodeJS.Timeout | undefined
  #drained = Promise.withResolvers<void>()

  constructor(options: { screens: Screens; size: TerminalSize; start: number; onDrain: () => void }) {
    this.#screen = options.screens.create(options.size, () => {
      this.#drained.resolve()
      options.onDrain()
    })
    this.#onDrain = options.onDrain
    this.#fed = options.start
    this.#ring = new OutputRing(flow.ring, options.start, (bytes) => this.#evicted(bytes))
  }

  /** Offset after the last byte. */
  get end(): number {
    return this.#ring.end
  }

  /** True while the screen can't keep up: reading should pause until `onDrain`. */
  get overloaded(): boolean {
    return this.#screen.overloaded || this.#waitingBytes > flow.ring
  }

  append(bytes: Uint8Array): void {
    this.#ring.append(bytes)
  }

  resize(size: TerminalSize): void {
    const offset = this.#ring.end
    const last = this.#resizes.at(-1)
    if (last?.offset === offset) last.size = size
    else this.#resizes.push({ offset, size })
  }

  /**
   * Gives the screen the first `bytes` bytes of `chunks`: output from before the start, which the ring does not hold.
   * Never rejects: the screen is a convenience, and what the ring holds still draws most of it.
   */
  async primeFrom(chunks: AsyncIterable<Uint8Array>, bytes: number): Promise<void> {
    if (bytes <= 0) return
    this.#priming = this.#prime(chunks, bytes).catch(() => undefined)
    await this.#priming
    clearTimeout(this.#haste)
    this.#priming = undefined
    for (const item of this.#waiting) this.#toScreen(item)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#onDrain()
  }

  /** Every byte from `offset` on, or undefined when some of it is no longer held. */
  from(offset: number): Uint8Array[] | undefined {
    return this.#ring.from(offset)
  }

  /** The screen at `offset`, which is the end at the time of the call. Throws `timeout`. */
  async snapshot(): Promise<Snapshot & { offset: number }> {
    await this.#primed()
    let at = this.#fed
    for (const view of this.#ring.from(at) ?? []) {
      this.#feed(view, at)
      at += view.length
    }
    this.#applyResizes(at)
    return { ...(await this.#screen.snapshot()), offset: at }
  }

  close(): void {
    this.#isInHaste = true
    this.#screen.close()
    this.#drained.resolve()
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
      this.#toScreen(rest.subarray(0, next.offset - at))
      rest = rest.subarray(next.offset - at)
      at = next.offset
      this.#toScreen(next.size)
      this.#resizes.shift()
    }
    this.#toScreen(rest)
    this.#fed = end
  }

  #toScreen(item: Uint8Array | TerminalSize): void {
    if (this.#priming !== undefined) {
      this.#waiting.push(item)
      if (!('cols' in item)) this.#waitingBytes += item.length
      // What the session puts out now is not read until this is done.
      if (this.#waitingBytes > flow.ring) this.#hurry()
    } else if ('cols' in item) this.#screen.resize(item)
    else this.#screen.write(item)
  }

  /** No faster than the screen takes it, so that a long recording costs neither memory nor other screens. */
  async #prime(chunks: AsyncIterable<Uint8Array>, bytes: number): Promise<void> {
    let left = bytes
    for await (const chunk of chunks) {
      this.#screen.write(chunk.subarray(0, left))
      left -= chunk.length
      if (left <= 0 || this.#isInHaste) return
      if (!this.#screen.overloaded) continue
      this.#drained = Promise.withResolvers()
      await this.#drained.promise
    }
  }

  /** Whoever waits too long gets a screen that begins later. */
  async #primed(): Promise<void> {
    if (this.#priming === undefined) return
    this.#hurry()
    await this.#priming
  }

  #hurry(): void {
    this.#haste ??= setTimeout(() => (this.#isInHaste = true), longestPrimingMs)
  }

  #applyResizes(offset: number): void {
    this.#feed(new Uint8Array(0), offset)
  }
}
