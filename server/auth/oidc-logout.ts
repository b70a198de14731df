import { jwtVerify } from 'jose'
import { HatchwayError } from '../core/errors.ts'
import type { LogoutRequest } from '../core/authentication.ts'
import type { LoginQuery } from '../core/sign-ins.ts'
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.ts'
import type { OidcClient } from './oidc-client.ts'
import type { OidcOptions } from './oidc-options.ts'

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'
const maxTokenLength = 16 * 1024
const maxAgeSeconds = 300

/**
 * Which logins a provider's logout token ends (OpenID Connect Back-Channel Logout 1.0, 2.6): those of a session there, else
 * all of a person there. Throws `token_invalid`. A restart forgets which tokens were used; they are good for five minutes.
 */
export function createLogoutReader(
  { issuer, clientId }: OidcOptions,
  client: OidcClient,
  clockSkewSeconds: number,
): (logoutToken: string) => Promise<LogoutRequest> {
  const spent = new Map<string, number>()
  let known: { jwksUri: string; keys: IssuerKeys } | undefined
  return async (logoutToken) => {
    if (logoutToken.length > maxTokenLength) throw refused('is longer than 16 KiB')
    const jwksUri = await client.jwksUri()
    if (known?.jwksUri !== jwksUri)
      known = { jwksUri, keys: createIssuerKeys(issuer, { kind: 'jwksUri', url: jwksUri }) }
    const { algorithms, getKey } = known.keys
    const { payload } = await jwtVerify(logoutToken, getKey, {
      algorithms: [...algorithms],
      issuer,
      audience: clientId,
      clockTolerance: clockSkewSeconds,
      maxTokenAge: maxAgeSeconds,
      requiredClaims: ['iat', 'jti', 'events'],
    }).catch((cause: unknown) => {
      throw cause instanceof HatchwayError ? cause : refused('is not a logout token of this provider for us')
    })
    const { events, nonce, sid, sub, jti } = payload
    // What is no text would be another one each time that it is read.
    if (typeof jti !== 'string' || jti === '') throw refused('has no id (jti)')
    // An ID token must not pass for one: it has a nonce, and no such event.
    const isLogout = typeof events === 'object' && events !== null && Object.hasOwn(events, logoutEvent)
    if (!isLogout || nonce !== undefined) throw refused('is no logout token')
    const query = queryOf(issuer, sid, sub)
    const now = Date.now()
    for (const [id, until] of spent) if (until <= now) spent.delete(id)
    return {
      ...(!spent.has(jti) && { query }),
      done: () => spent.set(jti, now + (maxAgeSeconds + 2 * clockSkewSeconds) * 1000),
    }
  }
}

function queryOf(issuer: string, sid: unknown, sub: unknown): LoginQuery {
  if (typeof sid === 'string') return { issuer, providerSession: sid }
  if (typeof sub === 'string') return { issuer, providerSubject: sub }
  throw refused('names neither a session nor a person')
}

function refused(why: string): HatchwayError {
  return new HatchwayError('token_invalid', `The logout token ${why}.`)
}
