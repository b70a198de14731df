import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { HatchwayError } from '../core/errors.ts'
import type { GetOrCreateSecret } from '../core/secrets.ts'

/** Texts that only this installation can read or make. */
export interface SealedBox {
  /** Good only for the same `context`: what was sealed for one place is no use in another. */
  seal(text: string, context: string): string
  /** Undefined for whatever this installation did not seal for this context. */
  open(sealed: string, context: string): string | undefined
}

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16
const maxSealedLength = 256 * 1024

/** AES-256-GCM with the installation's kept secret `sign-in-key`; a fresh random nonce for each text. Throws `store_unavailable` for a broken key. */
export async function createSealedBox(getOrCreateSecret: GetOrCreateSecret): Promise<SealedBox> {
  const kept = await getOrCreateSecret('sign-in-key', () => randomBytes(32).toString('base64url'))
  const key = Buffer.from(kept, 'base64url')
  if (key.byteLength !== 32) {
    const detail =
      'The kept sign-in-key does not have 32 bytes. Delete it from the secrets of the data directory and start again: people will have to sign in again.'
    throw new HatchwayError('store_unavailable', detail)
  }
  return {
    seal(text, context) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
      cipher.setAAD(Buffer.from(context))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')
    },
    open(sealed, context) {
      if (sealed.length > maxSealedLength) return undefined
      const bytes = Buffer.from(sealed, 'base64url')
      if (bytes.byteLength < nonceBytes + tagBytes) return undefined
      const nonce = bytes.subarray(0, nonceBytes)
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(context))
      decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
      try {
        const body = bytes.subarray(nonceBytes + tagBytes)
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
      } catch {
        return undefined
      }
    },
  }
}
