import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

export interface OneTimeCodes {
  /** A fresh code of 256 random bits; earlier ones stay good until used or expired. */
  mint(): { code: string; expiresAt: Date }
  /** True exactly once per code, before it expires. */
  redeem(code: string): boolean
}

const validMs = 15 * 60_000
const maxOpenCodes = 20

/** Codes of printed sign-in links, in memory only and as hashes: nothing to steal from a core file or the disk. */
export function createOneTimeCodes(options: { now?: () => number } = {}): OneTimeCodes {
  const now = options.now ?? Date.now
  let open: { hash: Buffer; expiresAt: number }[] = []
  return {
    mint() {
      const code = randomBytes(32).toString('base64url')
      const expiresAt = now() + validMs
      open = [...open.slice(1 - maxOpenCodes), { hash: sha256(code), expiresAt }]
      return { code, expiresAt: new Date(expiresAt) }
    },
    redeem(code) {
      const hash = sha256(code)
      open = open.filter((entry) => entry.expiresAt > now())
      // All of them are compared, each in constant time: how long it takes says nothing about any code.
      const found = open.filter((entry) => timingSafeEqual(entry.hash, hash))
      open = open.filter((entry) => !found.includes(entry))
      return found.length > 0
    },
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
