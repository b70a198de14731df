import { HatchwayError } from '../../core/errors.ts'
import type { TerminalSize } from '../../core/streams.ts'
import { plainTextTail } from './plain-text.ts'
import type { Screens, ScreenStep } from './screens.ts'

/** Lines above the screen that a viewer gets back. */
const scrollback = 1000
/** Bytes held back before they are compacted or handed to the worker: a screen nobody asked for must cost little. */
const holdBytes = 1024 * 1024
/** Above so many, whoever waits for a drawing waits less when they are compacted first. */
const compactBytes = 256 * 1024
/** Bytes for the worker above which the session should stop reading. */
const overloadBytes = 16 * 1024 * 1024
const snapshotTimeoutMs = 10_000
/** Bytes after which a screen is drawn, so that it can be drawn again without the worker that knew it. */
const keepBytes = 1024 * 1024
/** What one step may take: others wait for it. */
const stepMs = 10
const smallestStep = 64
const largestStep = 64 * 1024
/** Cells that the first step may touch if each four bytes are a sequence that clears the screen. */
const firstStepCells = 8_000_000
/** A screen that takes the worker with it so often is drawn no more. */
const maxLosses = 3

export interface Snapshot {
  /** Escape sequences that draw the screen on a cleared terminal. */
  data: Uint8Array
  size: TerminalSize
}

type Output = { bytes: Buffer[]; length: number } | { resize: TerminalSize }

interface Drawing {
  resolve: (snapshot: Snapshot) => void
  reject: (cause: Error) => void
}

type Work = { bytes: Uint8Array } | { resize: TerminalSize } | { draw: Drawing[] }

const undrawn = (why: string) =>
  Buffer.from(`\u001b[7m The screen before this point could not be drawn${why}. \u001b[0m\r\n`)

/**
 * One session's screen as a viewer would see it, kept lazily: bytes that leave the ring are held back, compacted while
 * they are plain text, and given to a headless terminal only when too many have gathered or a snapshot is asked for.
 */
export class ScreenModel {
  readonly id: number
  readonly #screens: Screens
  readonly #onDrain: () => void
  /** After everything that was written. */
  #size: TerminalSize
  #pending: Output[] = []
  #pendingBytes = 0
  /** For the worker, in its order. */
  #work: Work[] = []
  #workBytes = 0
  #isOpen = false
  /** The worker is at one of its steps. */
  #isUnderWay = false
  /** Who waits for the drawing that is under way. */
  #drawing: Drawing[] = []
  /** What the worker knows: a drawing, and what it was given since. */
  #drawn: Snapshot
  #since: (Uint8Array | TerminalSize)[] = []
  #sinceBytes = 0
  #stepBytes: number
  #losses = 0
  #closed = false

  /** @internal See {@link Screens.create}. */
  constructor(screens: Screens, id: number, size: TerminalSize, onDrain: () => void) {
    this.#screens = screens
    this.id = id
    this.#size = size
    this.#onDrain = onDrain
    this.#drawn = { data: new Uint8Array(0), size }
    this.#stepBytes = firstStep(size)
  }

  /** True while the worker has more to do than it can: the session should not read on. */
  get overloaded(): boolean {
    return this.#workBytes > overloadBytes
  }

  /** The next bytes of output. Keeps a reference: they must not change. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#isGivenUp) return
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const last = this.#pending.at(-1)
    if (last !== undefined && 'bytes' in last) {
      last.bytes.push(buffer)
      last.length += buffer.length
    } else {
      this.#pending.push({ bytes: [buffer], length: buffer.length })
    }
    this.#pendingBytes += buffer.length
    if (this.#pendingBytes > holdBytes) this.#compact()
  }

  /** A change of size after the bytes written so far. */
  resize(size: TerminalSize): void {
    const last = this.#pending.at(-1)
    if (last !== undefined && 'resize' in last) last.resize = size
    else this.#pending.push({ resize: size })
    if (this.#pending.length > 1000) this.#feed()
  }

  /** The screen after everything written so far. Throws `timeout`. */
  async snapshot(): Promise<Snapshot> {
    if (this.#pendingBytes > compactBytes) this.#compact()
    this.#feed()
    if (this.#isGivenUp) return { data: undrawn(''), size: this.#size }
    if (this.#work.length === 0 && this.#since.length === 0 && !this.#isUnderWay) return this.#drawn
    const { promise, resolve, reject } = Promise.withResolvers<Snapshot>()
    const last = this.#work.at(-1)
    if (last !== undefined && 'draw' in last) last.draw.push({ resolve, reject })
    else this.#work.push({ draw: [{ resolve, reject }] })
    this.#screens.schedule(this)
    const timer = setTimeout(() => reject(tooLate()), snapshotTimeoutMs)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#screens.forget(this)
    this.#drop()
    this.#pending = []
  }

  /** @internal What the worker is to do next, if anything. */
  nextStep(): ScreenStep | undefined {
    const step = this.#step()
    if (step === undefined) return undefined
    this.#isUnderWay = true
    return {
      request: step.request,
      done: (ms, drawn) => {
        this.#isUnderWay = false
        step.done(ms, drawn)
      },
    }
  }

  #step(): ScreenStep | undefined {
    if (this.#work.length === 0) return undefined
    if (!this.#isOpen) {
      const { size, data } = this.#drawn
      const request = { type: 'open', screen: this.id, ...size, scrollback } as const
      const again = [...(data.length > 0 ? [data] : []), ...this.#since]
      return { request, done: () => this.#opened(again) }
    }
    const [work] = this.#work
    if (work === undefined) return undefined
    if ('bytes' in work) return this.#writeStep(work)
    this.#work.shift()
    if ('resize' in work) {
      const { resize } = work
      return {
        request: { type: 'resize', screen: this.id, ...resize },
        done: () => this.#given(resize),
      }
    }
    this.#drawing = work.draw
    return {
      request: { type: 'draw', screen: this.id },
      done: (_ms, drawn) => this.#wasDrawn(drawn ?? new Uint8Array(0)),
    }
  }

  /** @internal The worker is gone, by no fault of this screen. */
  reopen(): void {
    this.#isOpen = false
    if (this.#work.length > 0) this.#screens.schedule(this)
  }

  /** @internal The worker is gone, by what it was doing for this screen when `isCause`: begins anew. */
  lost(isCause: boolean): void {
    const before = this.overloaded
    this.#isOpen = false
    this.#isUnderWay = false
    if (isCause) this.#losses++
    const size = this.#work.reduce((at, work) => ('resize' in work ? work.resize : at), this.#knownSize)
    this.#drop()
    this.#drawn = { data: undrawn(''), size }
    if (this.#isGivenUp) this.#pending = []
    if (before) this.#onDrain()
  }

  /** @internal Lets the worker forget this screen; false when something is still to be done for it. */
  putAway(): boolean {
    if (this.#work.length > 0) return false
    this.#isOpen = false
    return true
  }

  get #isGivenUp(): boolean {
    return this.#closed || this.#losses >= maxLosses
  }

  get #knownSize(): TerminalSize {
    return this.#since.reduce<TerminalSize>((at, item) => ('cols' in item ? item : at), this.#drawn.size)
  }

  #compact(): void {
    const last = this.#pending.at(-1)
    if (last !== undefined && 'bytes' in last) {
      const tail = plainTextTail(Buffer.concat(last.bytes), this.#size.rows + scrollback)
      if (tail !== undefined) {
        // Copied, so that the large buffer it came from can go.
        this.#pendingBytes -= last.length - tail.length
        last.bytes = [Buffer.from(tail)]
        last.length = tail.length
      }
    }
    if (this.#pendingBytes > holdBytes) this.#feed()
  }

  #feed(): void {
    if (this.#pending.length === 0) return
    for (const entry of this.#pending) {
      if ('resize' in entry) {
        this.#size = entry.resize
        this.#work.push({ resize: entry.resize })
      } else {
        this.#workBytes += entry.length
        this.#work.push({ bytes: Buffer.concat(entry.bytes) })
      }
    }
    this.#pending = []
    this.#pendingBytes = 0
    if (this.#isGivenUp) this.#drop()
    else this.#screens.schedule(this)
  }

  #opened(again: (Uint8Array | TerminalSize)[]): void {
    this.#isOpen = true
    const since = again.map((item) => ('cols' in item ? { resize: item } : { bytes: item }))
    this.#workBytes += again.reduce((sum, item) => sum + ('cols' in item ? 0 : item.length), 0)
    this.#work.unshift(...since)
    this.#drawn = { data: new Uint8Array(0), size: this.#drawn.size }
    this.#since = []
    this.#sinceBytes = 0
  }

  #writeStep(work: { bytes: Uint8Array }): ScreenStep {
    const bytes = work.bytes.subarray(0, this.#stepBytes)
    if (bytes.length === work.bytes.length) this.#work.shift()
    else work.bytes = work.bytes.subarray(bytes.length)
    return {
      request: { type: 'write', screen: this.id, bytes },
      done: (ms) => {
        const next =
          ms > stepMs ? this.#stepBytes / 2 : ms < stepMs / 4 ? this.#stepBytes * 2 : this.#stepBytes
        this.#stepBytes = Math.min(largestStep, Math.max(smallestStep, next))
        const before = this.overloaded
        this.#workBytes -= bytes.length
        this.#given(bytes)
        if (before && !this.overloaded) this.#onDrain()
      },
    }
  }

  #given(item: Uint8Array | TerminalSize): void {
    this.#since.push(item)
    if (!('cols' in item)) this.#sinceBytes += item.length
    if ('cols' in item) this.#stepBytes = Math.min(this.#stepBytes, firstStep(item))
    const next = this.#work[0]
    const isDue = this.#sinceBytes > keepBytes || this.#since.length > 1000
    if (isDue && !(next !== undefined && 'draw' in next)) this.#work.unshift({ draw: [] })
  }

  #wasDrawn(data: Uint8Array): void {
    this.#drawn = { data, size: this.#knownSize }
    this.#since = []
    this.#sinceBytes = 0
    for (const { resolve } of this.#drawing) resolve(this.#drawn)
    this.#drawing = []
  }

  /** Of everything that waits for the worker, only who asked is told. */
  #drop(): void {
    const drawings = this.#work.flatMap((work) => ('draw' in work ? work.draw : []))
    for (const { reject } of [...this.#drawing, ...drawings]) reject(tooLate())
    this.#drawing = []
    this.#work = []
    this.#workBytes = 0
    this.#since = []
    this.#sinceBytes = 0
  }
}

function firstStep({ cols, rows }: TerminalSize): number {
  const bytes = (4 * firstStepCells) / (cols * rows)
  return Math.round(Math.min(largestStep, Math.max(smallestStep, bytes)))
}

function tooLate(): HatchwayError {
  return new HatchwayError('timeout', 'The screen could not be drawn in time; reload the page.')
}
