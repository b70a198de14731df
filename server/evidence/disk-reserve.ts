import { randomBytes } from 'node:crypto'
import { open, rm, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

const pieceBytes = 256 * 1024

/**
 * A file that holds room for what must still be written when a disk is full: ends, refusals, sign-ins. It is given up for them,
 * and taken again when there is room.
 */
export class DiskReserve {
  readonly #path: string
  readonly #bytes: number
  #changing: Promise<boolean> = Promise.resolve(false)

  /** At most `bytes`, and of a small disk a part of 32. */
  constructor(path: string, bytes: number) {
    this.#path = path
    this.#bytes = bytes
  }

  /** Takes the room, unless it is taken. Never rejects. */
  fill(): Promise<boolean> {
    return this.#next(() => this.#fill())
  }

  /** Gives the room up; false when there was none to give. Never rejects. */
  release(): Promise<boolean> {
    return this.#next(async () => {
      const held = await this.#held()
      if (held === 0) return false
      await rm(this.#path, { force: true })
      return true
    })
  }

  /** Resolves when what was asked for is done. Never rejects. */
  async settled(): Promise<void> {
    await this.#changing
  }

  #next(act: () => Promise<boolean>): Promise<boolean> {
    this.#changing = this.#changing.then(act).catch(() => false)
    return this.#changing
  }

  async #fill(): Promise<boolean> {
    const { blocks, bavail, bsize } = await statfs(dirname(this.#path))
    const wanted = Math.min(this.#bytes, Math.floor((blocks * bsize) / 32))
    const held = await this.#held()
    if (held >= wanted) return false
    // Not the last room: whoever has just made some wants to use it.
    if (bavail * bsize < 4 * wanted) return false
    const file = await open(this.#path, 'w', 0o600)
    try {
      // Random, because some file systems keep no room for zeros.
      for (let at = 0; at < wanted; at += pieceBytes)
        await file.write(randomBytes(Math.min(pieceBytes, wanted - at)))
    } finally {
      await file.close()
    }
    return true
  }

  async #held(): Promise<number> {
    return await stat(this.#path).then(
      ({ size }) => size,
      () => 0,
    )
  }
}
