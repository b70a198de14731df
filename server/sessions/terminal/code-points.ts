import { isUtf8 } from 'node:buffer'

/**
 * How many bytes at the end of `bytes` begin a UTF-8 code point without finishing it: 0 to 3.
 * Only a tail that may still become valid counts (RFC 3629 section 4); other invalid bytes are left alone.
 */
export function unfinishedTail(bytes: Uint8Array): number {
  const length = bytes.length
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back] as number
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < sequenceLength(byte) && mayBegin(bytes.subarray(length - back)) ? back : 0
  }
  return 0
}

function sequenceLength(lead: number): number {
  if (lead >= 0xf0) return lead <= 0xf4 ? 4 : 1
  if (lead >= 0xe0) return 3
  return lead >= 0xc2 ? 2 : 1
}

function mayBegin(sequence: Uint8Array): boolean {
  // The fewest and the most that the missing bytes could be: one of the two makes it valid, or nothing does.
  const missing = sequenceLength(sequence[0] as number) - sequence.length
  return [0x80, 0xbf].some((byte) => isUtf8(Buffer.concat([sequence, Buffer.alloc(missing, byte)])))
}

/**
 * Cuts a byte stream so that no chunk ends within a code point. A recording is text, so bytes that are not yet a
 * character can't be in it; and what is not in the recording must not be shown. The held bytes (at most 3) come out
 * with the next chunk, or by `flush` when nothing follows.
 */
export class CodePointBoundary {
  #held: Uint8Array = new Uint8Array(0)

  /** Whether bytes wait for their continuation. */
  get holding(): boolean {
    return this.#held.length > 0
  }

  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    const cut = bytes.length - unfinishedTail(bytes)
    // A copy: three bytes must not keep a 64 KiB chunk alive.
    this.#held = bytes.slice(cut)
    return bytes.subarray(0, cut)
  }

  flush(): Uint8Array {
    const held = this.#held
    this.#held = new Uint8Array(0)
    return held
  }
}
