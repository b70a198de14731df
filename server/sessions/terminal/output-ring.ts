const firstBlock = 2 * 1024
const largestBlock = 64 * 1024

/**
 * The last bytes of a session's output, addressed by byte offset. Grows from nothing, so that a thousand quiet
 * sessions cost little; whole blocks leave at the front once `capacity` is exceeded. Blocks are written once,
 * so the views that `from` hands out stay valid after their block has left.
 */
export class OutputRing {
  readonly #capacity: number
  readonly #onEvict: (bytes: Uint8Array) => void
  #blocks: { bytes: Uint8Array; used: number }[] = []
  #start: number
  #end: number

  constructor(capacity: number, start: number, onEvict: (bytes: Uint8Array) => void) {
    this.#capacity = capacity
    this.#start = start
    this.#end = start
    this.#onEvict = onEvict
  }

  /** Offset of the first byte still held. */
  get start(): number {
    return this.#start
  }

  /** Offset after the last byte: the session's offset. */
  get end(): number {
    return this.#end
  }

  append(bytes: Uint8Array): void {
    let rest = bytes
    while (rest.length > 0) {
      const block = this.#writableBlock()
      const n = Math.min(rest.length, block.bytes.length - block.used)
      block.bytes.set(rest.subarray(0, n), block.used)
      block.used += n
      rest = rest.subarray(n)
    }
    this.#end += bytes.length
    this.#evict()
  }

  /** Every byte from `offset` on, in views of the blocks; undefined when some of it is not held. */
  from(offset: number): Uint8Array[] | undefined {
    if (offset < this.#start || offset > this.#end) return undefined
    const views: Uint8Array[] = []
    let at = this.#start
    for (const block of this.#blocks) {
      const skip = Math.max(0, offset - at)
      if (skip < block.used) views.push(block.bytes.subarray(skip, block.used))
      at += block.used
    }
    return views
  }

  #writableBlock(): { bytes: Uint8Array; used: number } {
    const last = this.#blocks.at(-1)
    if (last !== undefined && last.used < last.bytes.length) return last
    const size = last === undefined ? firstBlock : Math.min(largestBlock, last.bytes.length * 2)
    const block = { bytes: new Uint8Array(size), used: 0 }
    this.#blocks.push(block)
    return block
  }

  #evict(): void {
    let first = this.#blocks[0]
    while (first !== undefined && this.#end - this.#start - first.used >= this.#capacity) {
      this.#blocks.shift()
      this.#start += first.used
      this.#onEvict(first.bytes.subarray(0, first.used))
      first = this.#blocks[0]
    }
  }
}
