/** One way to a terminal in the same debug container: the gateway, the bare engine, or a peer. */
export interface Lane {
  readonly name: string
  /** Opens a terminal; resolves with the first byte of its prompt. */
  open(): Promise<LaneTerminal>
  close(): Promise<void>
}

export interface LaneTerminal {
  /** From the start of `open` to the first byte of the prompt. */
  readonly promptMs: number
  write(bytes: string): void
  /** Called for every chunk of output; one listener at a time. */
  onData(listener: (bytes: Buffer) => void): void
  close(): Promise<void>
}

/** Collects output and tells when a text has come. Answers no query: the answer would be typed into whatever runs by then. */
export class Listener {
  #text = ''
  #wanted: { text: string; resolve: () => void } | undefined

  constructor(terminal: LaneTerminal) {
    terminal.onData((bytes) => this.#take(bytes))
  }

  /** Resolves when `text` comes, counted from the last match. Rejects after `timeoutMs`. */
  async until(text: string, timeoutMs = 60_000): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      reject(
        new Error(
          `${JSON.stringify(text)} did not come; the last output is ${JSON.stringify(this.#text.slice(-200))}`,
        ),
      )
    }, timeoutMs)
    this.#wanted = { text, resolve }
    this.#look()
    try {
      await promise
    } finally {
      clearTimeout(timer)
    }
  }

  #take(bytes: Buffer): void {
    const text = bytes.toString('latin1')
    // Enough to find a text that was cut in two.
    this.#text = this.#text.slice(-1000) + text
    this.#look()
  }

  #look(): void {
    if (this.#wanted === undefined) return
    const at = this.#text.indexOf(this.#wanted.text)
    if (at < 0) return
    this.#text = this.#text.slice(at + this.#wanted.text.length)
    const { resolve } = this.#wanted
    this.#wanted = undefined
    resolve()
  }
}
