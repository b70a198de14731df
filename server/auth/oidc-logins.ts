import { HatchwayError } from '../core/errors.ts'
import type { BrowserLogin, ProviderLogin, Store } from '../core/store.ts'
import { createBrowserLogin } from './browser-login.ts'
import type { OidcClient, OidcTokens } from './oidc-client.ts'
import type { Identified, Identify } from './oidc-identity.ts'
import type { OidcOptions } from './oidc-options.ts'
import type { SealedBox } from './sealed-box.ts'

/** What is kept of a provider's answer, sealed. */
interface Grant {
  refreshToken?: string
  /** Tells the provider at its sign-out who it was. */
  idToken?: string
}

export interface OidcLogins {
  /** A fresh cookie, and the row that is not stored yet. */
  create(identified: Identified, tokens: OidcTokens): { cookie: string; login: BrowserLogin }
  /**
   * The login as good as it can be now. Asks the provider when it is time; undefined when it said no: then the login is
   * gone. Throws `provider_unavailable` and its like when there is no answer and the last one is no longer good.
   */
  renew(login: BrowserLogin): Promise<BrowserLogin | undefined>
  /** Gives the refresh token back, if the provider takes it. Never throws. */
  revoke(login: BrowserLogin): Promise<void>
  /** Where the browser signs out of the provider too. */
  endSessionUrl(login: BrowserLogin, returnTo: string): Promise<string | undefined>
}

export interface OidcLoginsOptions {
  options: OidcOptions
  client: OidcClient
  identify: Identify
  box: SealedBox
  store: Pick<Store, 'updateLogin' | 'deleteLogin' | 'appendAudit'>
  /** For what goes wrong in the background. */
  onProblem: (what: string, cause: unknown) => void
}

/** The provider is asked so much before its last word runs out, so that a short outage is not noticed. */
const mostEarlySeconds = 30
const retryMs = 5000
/** The provider's refusal of the person; everything else is no answer. */
const refusals = new Set(['sign_in_stale', 'sign_in_denied'])

/** Browser logins that last while the provider agrees. Refresh tokens never leave the gateway, and are sealed in the store. */
export function createOidcLogins({
  options,
  client,
  identify,
  box,
  store,
  onProblem,
}: OidcLoginsOptions): OidcLogins {
  const underWay = new Map<string, Promise<BrowserLogin | undefined>>()
  const failures = new Map<string, { until: number; cause: unknown }>()
  const sealGrant = (idHash: string, grant: Grant) => box.seal(JSON.stringify(grant), `login ${idHash}`)
  const openGrant = ({ idHash, provider }: BrowserLogin): Grant => {
    const text = provider === undefined ? undefined : box.open(provider.grant, `login ${idHash}`)
    return text === undefined ? {} : (JSON.parse(text) as Grant)
  }

  const ask = async (login: BrowserLogin, provider: ProviderLogin, refreshToken: string) => {
    const tokens = await client.refresh(refreshToken)
    const before = openGrant(login)
    const grant = { refreshToken, ...before, ...grantOf(tokens) }
    const kept = { ...login, provider: { ...provider, grant: sealGrant(login.idHash, grant) } }
    // The old refresh token may be spent: the new one is kept before anything else can fail.
    if (!(await store.updateLogin(kept))) return undefined
    const { subject, session } = provider
    const identified = await identify(tokens, {
      who: login.principal,
      subject,
      ...(session !== undefined && { session }),
    })
    const renewed = describe(kept, identified, tokens, provider.endsAt)
    return (await store.updateLogin(renewed)) ? renewed : undefined
  }

  const renewNow = async (
    login: BrowserLogin,
    provider: ProviderLogin,
  ): Promise<BrowserLogin | undefined> => {
    const { refreshToken } = openGrant(login)
    try {
      if (refreshToken === undefined) throw new HatchwayError('sign_in_stale', 'The sign-in key has changed.')
      const renewed = await ask(login, provider, refreshToken)
      failures.delete(login.idHash)
      return renewed
    } catch (cause) {
      if (cause instanceof HatchwayError && refusals.has(cause.code)) {
        failures.delete(login.idHash)
        await end(store, login, cause.message)
        return undefined
      }
      failures.set(login.idHash, { until: Date.now() + retryMs, cause })
      onProblem('a sign-in could not be renewed', cause)
      throw cause
    }
  }

  /** Everything that one provider's answer means for a login. */
  const describe = (
    login: BrowserLogin,
    { who, subject, session }: Identified,
    tokens: OidcTokens,
    endsAt: Date,
  ): BrowserLogin => {
    const grant = { ...openGrant(login), ...grantOf(tokens) }
    const now = Date.now()
    const { goodUntil, renewAt } = spans(options, tokens, grant.refreshToken !== undefined, now, endsAt)
    const provider: ProviderLogin = {
      subject,
      ...(session !== undefined && { session }),
      renewAt,
      // Without a refresh token nobody can be asked again.
      endsAt: grant.refreshToken === undefined ? goodUntil : endsAt,
      grant: sealGrant(login.idHash, grant),
    }
    return { ...login, principal: { ...who, expiresAt: goodUntil }, provider }
  }

  return {
    create(identified, tokens) {
      const endsAt = new Date(Date.now() + options.maxSignInSeconds * 1000)
      const { cookie, login } = createBrowserLogin({ ...identified.who, expiresAt: endsAt })
      return { cookie, login: describe(login, identified, tokens, endsAt) }
    },
    async renew(login) {
      const { provider, principal, idHash } = login
      const now = Date.now()
      if (provider === undefined || provider.renewAt.getTime() > now) return login
      if (provider.endsAt.getTime() <= now) {
        failures.delete(idHash)
        return undefined
      }
      const isGood = principal.expiresAt.getTime() > now
      const failure = failures.get(idHash)
      if (failure !== undefined && failure.until > now) {
        if (isGood) return login
        throw failure.cause
      }
      // Pages ask in parallel; a refresh token is often good only once.
      const renewal = underWay.get(idHash) ?? renewNow(login, provider).finally(() => underWay.delete(idHash))
      underWay.set(idHash, renewal)
      try {
        return await renewal
      } catch (cause) {
        if (isGood) return login
        throw cause
      }
    },
    async revoke(login) {
      const { refreshToken } = openGrant(login)
      if (refreshToken === undefined) return
      await client.revoke(refreshToken).catch((cause: unknown) => {
        onProblem('a refresh token could not be given back', cause)
      })
    },
    endSessionUrl(login, returnTo) {
      const { idToken } = openGrant(login)
      return client.endSessionUrl({ returnTo, ...(idToken !== undefined && { idToken }) })
    },
  }
}

function grantOf({ refreshToken, idToken }: OidcTokens): Grant {
  return { ...(refreshToken !== undefined && { refreshToken }), ...(idToken !== undefined && { idToken }) }
}

/** How long the provider's word is good, and when to ask again. */
function spans(
  { refreshEverySeconds }: OidcOptions,
  { expiresInSeconds, idClaims }: OidcTokens,
  renewable: boolean,
  now: number,
  endsAt: Date,
): { goodUntil: Date; renewAt: Date } {
  const idTokenSeconds = Math.max(0, (idClaims?.exp ?? 0) - now / 1000)
  const seconds = renewable
    ? Math.min(expiresInSeconds ?? refreshEverySeconds, refreshEverySeconds)
    : (expiresInSeconds ?? idTokenSeconds)
  const goodUntil = Math.min(now + Math.max(1, seconds) * 1000, endsAt.getTime())
  const early = renewable ? Math.min(mostEarlySeconds, seconds / 5) * 1000 : 0
  return { goodUntil: new Date(goodUntil), renewAt: new Date(goodUntil - early) }
}

async function end(
  store: OidcLoginsOptions['store'],
  { idHash, principal: { subject, name } }: BrowserLogin,
  reason: string,
): Promise<void> {
  await store.appendAudit({
    kind: 'signed-out',
    who: { subject, name },
    reason,
    detail: { by: 'identity provider' },
  })
  await store.deleteLogin(idHash)
}
