import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose'
import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import { createIssuerKeys, type IssuerKeys, type KeySource, type RemoteKeysOptions } from './issuer-keys.ts'
import { readClaims, type ClaimNames } from './read-claims.ts'

/** Whose tokens are accepted, and how they are read. */
export interface IssuerOptions {
  /** Must equal `iss`, byte for byte. */
  issuer: string
  /** `aud` must hold one of them. */
  audience: readonly string[]
  keys: KeySource
  claims: ClaimNames
  /** Put before subject and groups. */
  prefix: string
  /** The issuer under whose name these people are known: another one where the configuration says that both have the same people. */
  people?: string
  /** Tokens older than this are refused, and those without `iat`. */
  maxTokenAgeSeconds?: number
}

export interface TokenVerifier {
  /**
   * Who the bearer is. A refusal is a `token_invalid` or `groups_left_out` in plain words, keys that can't be had are
   * `provider_unavailable`; the token is in none of them.
   */
  verify(token: string): Promise<Principal>
  /** All of its claims, under the same conditions. */
  claims(token: string): Promise<JWTPayload>
}

export interface VerifierOptions {
  /** Allowed difference between the issuer's clock and ours: 0 to 60 s, default 30. */
  clockSkewSeconds?: number
  remote?: RemoteKeysOptions
  now?: () => Date
}

const maxTokenBytes = 16 * 1024
const maxDateSeconds = 8.64e12

interface KnownIssuer {
  options: IssuerOptions
  keys: IssuerKeys
}

/**
 * Follows RFC 8725: `iss` read unverified only chooses the keys; the algorithm must be on the key kind's list; keys come from
 * the configuration alone (`jku`, `x5u`, `jwk` and `x5c` in a header mean nothing); `typ` keeps other kinds of JWT out.
 * Throws a TypeError for options that can't be safe.
 */
export function createTokenVerifier(
  issuers: readonly IssuerOptions[],
  options: VerifierOptions = {},
): TokenVerifier {
  const clockTolerance = options.clockSkewSeconds ?? 30
  if (!(clockTolerance >= 0 && clockTolerance <= 60))
    throw new TypeError('the clock skew must be from 0 to 60 seconds')
  const known = new Map<string, KnownIssuer>()
  for (const issuer of issuers) {
    if (known.has(issuer.issuer)) throw new TypeError(`the issuer ${issuer.issuer} is configured twice`)
    if (issuer.audience.length === 0) throw new TypeError(`the issuer ${issuer.issuer} has no audience`)
    known.set(issuer.issuer, {
      options: issuer,
      keys: createIssuerKeys(issuer.issuer, issuer.keys, options.remote),
    })
  }
  const check = async (token: string) => {
    const { options: issuer, keys } = chooseIssuer(token, known)
    const payload = await jwtVerify(token, keys.getKey, {
      algorithms: [...keys.algorithms],
      issuer: issuer.issuer,
      audience: [...issuer.audience],
      requiredClaims: ['exp'],
      clockTolerance,
      ...(issuer.maxTokenAgeSeconds !== undefined && { maxTokenAge: issuer.maxTokenAgeSeconds }),
      ...(options.now !== undefined && { currentDate: options.now() }),
    }).then(
      (result) => result.payload,
      (cause: unknown) => {
        throw explain(cause, issuer)
      },
    )
    const { exp = 0 } = payload
    if (!(exp > 0 && exp < maxDateSeconds)) throw refused('has an expiry that is not a date')
    return { payload, issuer, expiresAt: new Date(exp * 1000) }
  }
  return {
    async verify(token) {
      const { payload, issuer, expiresAt } = await check(token)
      return {
        ...readClaims(payload, issuer.claims, issuer.prefix),
        issuer: issuer.people ?? issuer.issuer,
        expiresAt,
      }
    },
    claims: async (token) => (await check(token)).payload,
  }
}

/** Everything that is decided before any key is touched. */
function chooseIssuer(token: string, known: ReadonlyMap<string, KnownIssuer>): KnownIssuer {
  // A JWS is ASCII, so characters are bytes; anything else fails to decode below.
  if (token.length > maxTokenBytes) throw refused('is longer than 16 KiB')
  if (!isCompact(token)) throw refused('is not a signed JWT')
  let header: Record<string, unknown>
  let payload: JWTPayload
  try {
    header = { ...decodeProtectedHeader(token) }
    payload = decodeJwt(token)
  } catch {
    throw refused('is not a signed JWT')
  }
  if (header['crit'] !== undefined) throw refused('asks for extensions (crit) that are not supported')
  if (header['b64'] !== undefined) throw refused('uses an unencoded payload (b64), which is not supported')
  if (!isAcceptedType(header['typ'])) throw refused('is of another kind: its typ must be JWT or at+jwt')
  const found = typeof payload.iss === 'string' ? known.get(payload.iss) : undefined
  if (found === undefined)
    throw refused(`comes from an issuer that is not configured here${shownIssuer(payload.iss)}`)
  return found
}

/**
 * Three parts of base64url as RFC 7515, 2 has it: without padding, and only as an encoder writes it. jose also reads other spellings
 * of the same bytes; a token must not have several, or whatever counts or lists tokens could be walked around.
 */
function isCompact(token: string): boolean {
  const parts = token.split('.', 4)
  return (
    parts.length === 3 && parts.every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
  )
}

function isAcceptedType(typ: unknown): boolean {
  if (typ === undefined) return true
  // RFC 7515, 4.1.9: compared without case, `application/` may be left out.
  return (
    typeof typ === 'string' && ['jwt', 'at+jwt'].includes(typ.toLowerCase().replace(/^application\//, ''))
  )
}

function shownIssuer(iss: unknown): string {
  return typeof iss === 'string' && /^[!-~]{1,200}$/.test(iss) ? ` (${iss})` : ''
}

function explain(cause: unknown, issuer: IssuerOptions): HatchwayError {
  if (cause instanceof HatchwayError) return cause
  // jose's claim errors carry the payload, so none of them becomes the `cause` that is logged.
  if (cause instanceof errors.JWTExpired) return explainExpiry(cause)
  if (cause instanceof errors.JWTClaimValidationFailed) return explainClaim(cause, issuer)
  if (cause instanceof errors.JWSSignatureVerificationFailed)
    return refused(`is not signed by ${issuer.issuer}`)
  if (cause instanceof errors.JOSEAlgNotAllowed)
    return refused('is signed with an algorithm that is not accepted here')
  if (cause instanceof errors.JWKSNoMatchingKey) {
    return refused(
      `is signed with a key that ${issuer.issuer} does not publish; if it was just rotated, try again in a minute`,
    )
  }
  if (cause instanceof errors.JWKSMultipleMatchingKeys)
    return refused('does not say which of several keys signed it (kid)')
  return refused('is not a usable signed JWT')
}

function explainExpiry(cause: errors.JWTExpired): HatchwayError {
  if (cause.claim === 'iat') return new HatchwayError('token_invalid', 'The token is too old; sign in again.')
  const { exp } = cause.payload
  const at =
    typeof exp === 'number' && Math.abs(exp) < maxDateSeconds
      ? ` at ${new Date(exp * 1000).toISOString()}`
      : ''
  return new HatchwayError('token_invalid', `The token expired${at}; sign in again.`)
}

function explainClaim(cause: errors.JWTClaimValidationFailed, issuer: IssuerOptions): HatchwayError {
  if (cause.reason === 'missing') return refused(`lacks the claim ${cause.claim}`)
  if (cause.reason === 'invalid') return refused(`has an unusable claim ${cause.claim}`)
  switch (cause.claim) {
    case 'aud':
      return refused(`is meant for another audience, not for ${issuer.audience.join(' or ')}`)
    case 'nbf':
      return refused('is not valid yet; check that the clocks agree')
    case 'iat':
      return refused('was issued in the future; check that the clocks agree')
    default:
      return refused(`has an unusable claim ${cause.claim}`)
  }
}

function refused(why: string): HatchwayError {
  return new HatchwayError('token_invalid', `The token ${why}.`)
}
