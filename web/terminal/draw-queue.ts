/** The parser looks at the clock between two pieces, so that costly sequences leave time for keys. */
const pieceBytes = 2048
/** Inside the parser: the piece that it works on, and one that it goes on with. */
const mostInside = 2
/** CAN ends a sequence that was cut off, and as a byte also a character: a reset of xterm.js does neither. */
const cancel = Uint8Array.of(0x18)
const nothing = new Uint8Array(0)

/** What draws: `done` comes when these bytes have been parsed, in the order of the calls. */
export interface Screen {
  write(bytes: Uint8Array, done: () => void): void
}

/**
 * What waits to be drawn, outside of the terminal's own buffer, which takes nothing back: output that a reset replaces
 * would be parsed, in vain, while somebody waits for the prompt behind it.
 */
export class DrawQueue {
  readonly #screen: Screen
  #waiting: { bytes: Uint8Array; done: () => void }[] = []
  #inside = 0

  constructor(screen: Screen) {
    this.#screen = screen
  }

  /** Draws these bytes after all that was pushed before; `done` comes when that has happened, or never: see {@link replace}. */
  push(bytes: Uint8Array, done: () => void): void {
    let at = 0
    for (; at + pieceBytes < bytes.length; at += pieceBytes)
      this.#waiting.push({ bytes: bytes.subarray(at, at + pieceBytes), done: () => undefined })
    this.#waiting.push({ bytes: bytes.subarray(at), done })
    this.#pump()
  }

  /** Calls `step` after all that was pushed before. */
  run(step: () => void): void {
    this.push(nothing, step)
  }

  /** Forgets all that waits, whose `done` never comes; calls `step` when the terminal is between two sequences. */
  replace(step: () => void): void {
    this.drop()
    this.push(cancel, step)
  }

  /** Forgets all that waits. */
  drop(): void {
    this.#waiting = []
  }

  #pump(): void {
    while (this.#inside < mostInside) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#inside++
      this.#screen.write(next.bytes, () => {
        this.#inside--
        next.done()
        this.#pump()
      })
    }
  }
}
