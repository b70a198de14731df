/** Of a terminal in its usual mode ^C, ^\ and ^Z: each flushes what the kernel holds of the program's output, too. */
const interruptKeys: ReadonlySet<number> = new Set([0x03, 0x1c, 0x1a])
/** No output for this long, though it is read: the backlog has been drained. */
const quietMs = 50
/** Half of an answer to that: the screen may be drawn beforehand. */
const maybeQuietMs = 15
/** For so long after the key, a backlog is one that the key was meant for; … */
const longestMs = 3_000
/** … or for so many bytes: a program that goes on all the same is shown again. */
const mostBytes = 64 * 1024 * 1024
/** Read in one turn of the event loop: others have theirs after it. */
const turnBytes = 256 * 1024

export interface BacklogSkipOptions {
  /** Reading begins, stops or goes on. */
  onChange: () => void
  /** Somebody else than the skip keeps the terminal from being read. */
  isHeld: () => boolean
  /** It may be over in a moment: what comes after it can be got ready. */
  onMaybeOver: () => void
}

/**
 * After an interrupt, output that lies between the program and its viewers, in buffers that nobody can size, is of no interest any
 * more: it is read and recorded as fast as it comes and not shown, until there is none. Then viewers get the screen as it is.
 */
export class BacklogSkip {
  readonly #options: BacklogSkipOptions
  #over: PromiseWithResolvers<void> | undefined
  #until = 0
  #bytes = 0
  #bytesInTurn = 0
  #quiet: NodeJS.Timeout | undefined
  #maybeQuiet: NodeJS.Timeout | undefined
  #deadline: NodeJS.Timeout | undefined

  constructor(options: BacklogSkipOptions) {
    this.#options = options
  }

  /** Resolves when viewers may be shown output again; undefined while nothing is skipped. */
  get over(): Promise<void> | undefined {
    return this.#over?.promise
  }

  /** It had enough of this turn of the event loop. */
  get isBreathing(): boolean {
    return this.#bytesInTurn >= turnBytes
  }

  /** The controller has typed this; true when what is not shown yet may be skipped. */
  typed(bytes: Uint8Array): boolean {
    const isInterrupt = bytes.length > 0 && bytes.every((byte) => interruptKeys.has(byte))
    this.#until = isInterrupt ? performance.now() + longestMs : 0
    if (isInterrupt) this.#bytes = 0
    return isInterrupt
  }

  /** An interrupt was typed not long ago, and nothing else since: a backlog that shows only now is skipped, too. */
  get isDue(): boolean {
    return this.#over === undefined && performance.now() < this.#until
  }

  begin(): void {
    if (this.#over !== undefined) return
    this.#over = Promise.withResolvers()
    this.#deadline = setTimeout(() => this.end(), this.#until - performance.now()).unref()
    this.#waitForQuiet()
  }

  /** So much was read. */
  read(bytes: number): void {
    if (this.#over === undefined) return
    this.#bytes += bytes
    if (this.#bytesInTurn === 0) setImmediate(() => this.#nextTurn())
    this.#bytesInTurn += bytes
    if (this.#bytes < mostBytes) {
      this.#waitForQuiet()
      return
    }
    this.#until = 0
    this.end()
  }

  end(): void {
    const over = this.#over
    if (over === undefined) return
    clearTimeout(this.#quiet)
    clearTimeout(this.#maybeQuiet)
    clearTimeout(this.#deadline)
    this.#over = undefined
    over.resolve()
    this.#options.onChange()
  }

  #nextTurn(): void {
    const wasBreathing = this.isBreathing
    this.#bytesInTurn = 0
    if (wasBreathing) this.#options.onChange()
  }

  #waitForQuiet(): void {
    clearTimeout(this.#quiet)
    clearTimeout(this.#maybeQuiet)
    this.#maybeQuiet = setTimeout(this.#options.onMaybeOver, maybeQuietMs).unref()
    this.#quiet = setTimeout(() => {
      const before = this.#bytes
      // A late timer comes before what has arrived meanwhile is read; that comes before this.
      setImmediate(() => {
        if (this.#over === undefined || this.#bytes !== before) return
        if (this.#options.isHeld()) this.#waitForQuiet()
        else this.end()
      })
    }, quietMs).unref()
  }
}
