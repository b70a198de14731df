import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, importJWK, SignJWT, type JWK } from 'jose'
import type { GetOrCreateSecret } from '../core/secrets.ts'
import type { IssuerOptions } from './verify-token.ts'

export interface LocalIssuer {
  /** A signed JWT with `typ: JWT`, valid from now on. */
  issue(claims: {
    subject: string
    name: string
    groups: readonly string[]
    ttlSeconds: number
  }): Promise<string>
  /** For the verifier: only the public key. */
  readonly issuerOptions: IssuerOptions
}

/**
 * The installation's own issuer, with an Ed25519 key that is made once and kept as the secret `token-signing-key`.
 * For the start without a configuration and for `hatchway token`.
 */
export async function createLocalIssuer(options: {
  getOrCreateSecret: GetOrCreateSecret
  issuer: string
  audience: string
}): Promise<LocalIssuer> {
  const { issuer, audience } = options
  const kept = await options.getOrCreateSecret('token-signing-key', () =>
    JSON.stringify(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })),
  )
  const { d, ...publicPart } = JSON.parse(kept) as JWK
  if (publicPart.kty !== 'OKP' || d === undefined)
    throw new Error('the kept token-signing-key is not an Ed25519 key')
  const kid = await calculateJwkThumbprint(publicPart)
  const key = await importJWK({ ...publicPart, d }, 'EdDSA')
  return {
    issue: ({ subject, name, groups, ttlSeconds }) =>
      new SignJWT({ name, groups: [...groups] })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(subject)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime(Math.floor(Date.now() / 1000) + ttlSeconds)
        .sign(key),
    issuerOptions: {
      issuer,
      audience: [audience],
      keys: { kind: 'jwks', jwks: { keys: [{ ...publicPart, kid, alg: 'EdDSA', use: 'sig' }] } },
      claims: { subject: 'sub', name: 'name', groups: 'groups' },
      prefix: '',
    },
  }
}
