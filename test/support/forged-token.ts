/** Tokens of exactly the bytes that an attacker wants: no library that knows better is between. */
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

type Part = string | Record<string, unknown>

export function encode(part: Part | Buffer): string {
  if (Buffer.isBuffer(part)) return part.toString('base64url')
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

/** `header.payload.signature`; a part that is text is taken for the JSON as it stands. */
export function compact(header: Part, payload: Part, signature: Buffer | string = ''): string {
  const end = typeof signature === 'string' ? signature : encode(signature)
  return `${encode(header)}.${encode(payload)}.${end}`
}

export function hmacToken(secret: Buffer | string, header: Record<string, unknown>, payload: Part): string {
  const hash = `sha${String(header['alg']).slice(2)}`
  const signed = `${encode(header)}.${encode(payload)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}

/** A key pair whose private half the test holds, and its public half as issuers publish it. */
export interface SigningKey {
  readonly kid: string
  readonly publicKey: KeyObject
  readonly jwk: Record<string, unknown>
  /** A good signature over whatever header and payload say. */
  sign(payload: Part, header?: Record<string, unknown>): string
}

export function createSigningKey(alg: 'RS256' | 'ES256', kid: string): SigningKey {
  const { publicKey, privateKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    kid,
    publicKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
    sign(payload, header = {}) {
      const signed = `${encode({ alg, kid, typ: 'JWT', ...header })}.${encode(payload)}`
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
      return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
    },
  }
}
