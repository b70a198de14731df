const esc = 0x1b
/** First byte, in UTF-8, of the one-character forms that begin a sequence: U+0090 to U+009F. */
const c1Lead = 0xc2
/** As much of a string is worth keeping; a terminal takes no title or link that is longer. */
const maxKept = 8 * 1024

/** The beginning of an escape sequence whose end has not been written yet: a snapshot has to go on in the middle of it. */
export class UnfinishedSequence {
  #bytes: Buffer = Buffer.alloc(0)
  #lastByte = 0

  get bytes(): Buffer {
    return this.#bytes
  }

  /** Takes what was written, and whether the terminal is now between two sequences. */
  wrote(written: Uint8Array, isFinished: boolean): void {
    const isCut = this.#lastByte === c1Lead
    this.#lastByte = written.at(-1) ?? this.#lastByte
    if (isFinished) {
      if (this.#bytes.length > 0) this.#bytes = Buffer.alloc(0)
      return
    }
    const bytes = isCut ? Buffer.concat([Buffer.of(c1Lead), written]) : written
    // Its own characters never hold an ESC: that ends it, or begins another.
    const start = Math.max(bytes.lastIndexOf(esc), lastC1(bytes))
    const before = start === -1 ? this.#bytes : Buffer.alloc(0)
    const added = start === -1 ? written : bytes.subarray(start)
    this.#bytes = Buffer.concat([before, added.subarray(0, maxKept - before.length)])
  }
}

function lastC1(bytes: Uint8Array): number {
  for (let at = bytes.length - 2; at >= 0; at--) {
    const next = bytes[at + 1] ?? 0
    if (bytes[at] === c1Lead && next >= 0x90 && next <= 0x9f) return at
  }
  return -1
}
