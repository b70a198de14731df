import { decodeJwt, type JWTPayload } from 'jose'
import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import type { OidcClient, OidcTokens } from './oidc-client.ts'
import { badAnswer, clocksDiffer } from './oidc-errors.ts'
import type { OidcOptions } from './oidc-options.ts'
import { claimAt, readClaims } from './read-claims.ts'
import { createTokenVerifier, type TokenVerifier } from './verify-token.ts'

/** Whom the provider speaks of. */
export interface Identified {
  who: Omit<Principal, 'expiresAt'>
  /** The provider's own `sub` and `sid`. */
  subject: string
  session?: string
}

/** Who it was when the provider was asked before. */
export interface Earlier {
  who: Omit<Principal, 'expiresAt'>
  subject: string
  session?: string
}

export interface Identify {
  /** `earlier`: the answer has to be about the same person. Throws HatchwayErrors in plain words. */
  (tokens: OidcTokens, earlier?: Earlier): Promise<Identified>
}

/** ID tokens are made for the moment: an older one comes from a clock that is off, or is replayed. */
const maxIdTokenAgeSeconds = 600
// A provider publishes a new key before it signs with it, or a moment after. Nobody but the provider can send one here.
const keyCooldownMs = 1000

/**
 * Reads the person out of an answer of the provider: claims of the ID token count first, then those of userinfo, which is
 * asked when the ID token lacks name or groups, then those of the access token where it is a JWT of the same person.
 */
export function createIdentify(options: OidcOptions, client: OidcClient, clockSkewSeconds: number): Identify {
  const verifier = rememberVerifier(options, clockSkewSeconds)
  return async (tokens, earlier) => {
    const { idToken, idClaims } = tokens
    if (idToken !== undefined && idClaims !== undefined) {
      checkAge(idClaims, clockSkewSeconds, options.issuer)
      await verify(verifier(await client.jwksUri()), idToken, options.issuer)
    }
    const subject = idClaims?.sub ?? earlier?.subject
    if (subject === undefined) throw badAnswer(options.issuer, 'it has no ID token')
    if (earlier !== undefined && earlier.subject !== subject)
      throw new HatchwayError('sign_in_denied', `${options.issuer} speaks of another person than before.`)
    const more = await readMore(options, client, tokens, subject)
    const claims: JWTPayload = { ...more, ...idClaims, sub: subject }
    const { iss: _issuer, ...rest } = claims
    const session = typeof claims['sid'] === 'string' ? claims['sid'] : earlier?.session
    const who = { ...readClaims(rest, options.claims, options.prefix), issuer: options.issuer }
    return {
      who: idClaims === undefined && earlier !== undefined ? keep(who, claims, earlier, options) : who,
      subject,
      ...(session !== undefined && { session }),
    }
  }
}

/** Without a new ID token, what nobody spoke of stays as it was. */
function keep(
  who: Identified['who'],
  claims: JWTPayload,
  { who: before }: Earlier,
  options: OidcOptions,
): Identified['who'] {
  return {
    ...who,
    ...(claimAt(claims, options.claims.subject) === undefined && { subject: before.subject }),
    ...(claimAt(claims, options.claims.name) === undefined && { name: before.name }),
    ...(claimAt(claims, options.claims.groups) === undefined && { groups: before.groups }),
  }
}

async function readMore(
  { claims, issuer }: OidcOptions,
  client: OidcClient,
  { idClaims = {}, accessToken }: OidcTokens,
  subject: string,
): Promise<JWTPayload> {
  const lacks = (payload: JWTPayload) =>
    [claims.subject, claims.name, claims.groups].some((path) => claimAt(payload, path) === undefined)
  if (!lacks(idClaims)) return {}
  const info = await client.userInfo(accessToken, subject)
  if (!lacks({ ...info, ...idClaims })) return info ?? {}
  return { ...readAccessToken(accessToken, issuer, subject), ...info }
}

/** It came straight from the provider's token endpoint, so its claims are the provider's word (OpenID Connect Core, 3.1.3.7). */
function readAccessToken(accessToken: string, issuer: string, subject: string): JWTPayload {
  try {
    const claims = decodeJwt(accessToken)
    return claims.iss === issuer && claims.sub === subject ? claims : {}
  } catch {
    return {}
  }
}

function checkAge({ iat = 0 }: JWTPayload, clockSkewSeconds: number, issuer: string): void {
  const age = Date.now() / 1000 - iat
  if (age < -clockSkewSeconds || age > maxIdTokenAgeSeconds + clockSkewSeconds) throw clocksDiffer(issuer)
}

async function verify(verifier: TokenVerifier, idToken: string, issuer: string): Promise<void> {
  try {
    await verifier.claims(idToken)
  } catch (cause) {
    if (!(cause instanceof HatchwayError)) throw cause
    throw cause.code === 'provider_unavailable' ? cause : badAnswer(issuer, cause.message)
  }
}

/** One verifier, and its keys, for as long as the provider names the same address for them. */
function rememberVerifier(
  { issuer, clientId, claims, prefix }: OidcOptions,
  clockSkewSeconds: number,
): (jwksUri: string) => TokenVerifier {
  let known: { jwksUri: string; verifier: TokenVerifier } | undefined
  return (jwksUri) => {
    if (known?.jwksUri !== jwksUri) {
      const keys = { kind: 'jwksUri', url: jwksUri } as const
      const issuers = [{ issuer, audience: [clientId], keys, claims, prefix }]
      const remote = { cooldownMs: keyCooldownMs }
      known = { jwksUri, verifier: createTokenVerifier(issuers, { clockSkewSeconds, remote }) }
    }
    return known.verifier
  }
}
