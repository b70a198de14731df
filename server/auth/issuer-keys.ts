import { readFile, stat } from 'node:fs/promises'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose'
import { HatchwayError, messageOf } from '../core/errors.ts'
import { readBounded } from '../core/read-bounded.ts'

/** Where an issuer's verification keys come from. Each kind has its own closed list of algorithms. */
export type KeySource =
  | { kind: 'jwksUri'; url: string }
  /** Read again when the file changes. */
  | { kind: 'jwksFile'; path: string }
  | { kind: 'jwks'; jwks: JSONWebKeySet }
  /** HS256, 32 bytes or more. */
  | { kind: 'secret'; secret: string }

export interface RemoteKeysOptions {
  /** Default 5 s. */
  timeoutMs?: number
  /** How long an unknown key id does not lead to another fetch; default 30 s. */
  cooldownMs?: number
  /** Default 10 min. */
  cacheMs?: number
}

export interface IssuerKeys {
  /** What a token's `alg` may be. Never both kinds, so a public key can't be used as an HMAC secret (RFC 8725, 2.1). */
  readonly algorithms: readonly string[]
  /** Throws `provider_unavailable` when the keys can't be had, jose's errors when none fits. */
  readonly getKey: JWTVerifyGetKey
}

const asymmetric = ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'] as const
const maxJwksBytes = 1024 * 1024
// jose waits only after a success; without this, each request would knock at an issuer that is down.
const failurePauseMs = 5000

/** Throws a TypeError for a secret that is too short: RFC 7518, 3.2 wants a key of the hash's size. */
export function createIssuerKeys(
  issuer: string,
  source: KeySource,
  remote: RemoteKeysOptions = {},
): IssuerKeys {
  if (source.kind === 'secret') {
    const secret = new TextEncoder().encode(source.secret)
    if (secret.byteLength < 32) throw new TypeError('an HS256 secret needs 32 bytes or more')
    return { algorithms: ['HS256'], getKey: () => Promise.resolve(secret) }
  }
  if (source.kind === 'jwks') return { algorithms: asymmetric, getKey: createLocalJWKSet(source.jwks) }
  if (source.kind === 'jwksFile')
    return { algorithms: asymmetric, getKey: createFileKeys(issuer, source.path) }
  return { algorithms: asymmetric, getKey: createRemoteKeys(issuer, source.url, remote) }
}

function createFileKeys(issuer: string, path: string): JWTVerifyGetKey<CryptoKey> {
  let seen = ''
  let keys: ReturnType<typeof createLocalJWKSet> | undefined
  return async (header, token) => {
    try {
      const { mtimeMs, size, ino } = await stat(path)
      const version = `${mtimeMs}:${size}:${ino}`
      if (keys === undefined || version !== seen) {
        if (size > maxJwksBytes) throw new Error('it is larger than 1 MiB')
        keys = createLocalJWKSet(JSON.parse(await readFile(path, 'utf8')) as JSONWebKeySet)
        seen = version
      }
    } catch (cause) {
      // No falling back to the earlier keys: a key that was removed must not go on opening doors.
      keys = undefined
      throw unavailable(issuer, `the file ${path} could not be used`, cause)
    }
    return keys(header, token)
  }
}

function createRemoteKeys(
  issuer: string,
  url: string,
  options: RemoteKeysOptions,
): JWTVerifyGetKey<CryptoKey> {
  const timeoutMs = options.timeoutMs ?? 5000
  let failedAt = Number.NEGATIVE_INFINITY
  let failure: HatchwayError | undefined
  const download = async (from: string, init: RequestInit): Promise<Response> => {
    if (failure !== undefined && Date.now() - failedAt < failurePauseMs) throw failure
    try {
      return await fetchBounded(from, init)
    } catch (cause) {
      const slow = cause instanceof Error && cause.name === 'TimeoutError'
      const what = slow ? `${url} did not answer within ${timeoutMs / 1000} s` : `${url} could not be fetched`
      failure = unavailable(issuer, what, cause)
      failedAt = Date.now()
      throw failure
    }
  }
  return createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cooldownDuration: options.cooldownMs ?? 30_000,
    cacheMaxAge: options.cacheMs ?? 600_000,
    [customFetch]: download,
  })
}

/** A 200 with at most 1 MiB of JSON, or an error. Redirects are not followed: the caller passes `redirect: manual`. */
async function fetchBounded(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init)
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`it answered with status ${response.status}`)
  }
  const text = (await readBounded(response, maxJwksBytes)).toString()
  createLocalJWKSet(JSON.parse(text) as JSONWebKeySet)
  return new Response(text)
}

function unavailable(issuer: string, what: string, cause: unknown): HatchwayError {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  return new HatchwayError(
    'provider_unavailable',
    `The token could not be checked: the keys of ${issuer} are not available (${what}: ${messageOf(reason)}). The token may be good: try it again in a few seconds; if it stays so, tell whoever runs this gateway.`,
    { cause },
  )
}
