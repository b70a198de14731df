import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError } from '../core/errors.ts'
import type { AuditTrail } from '../core/audit-trail.ts'
import type { Principal } from '../core/policy.ts'
import { personOf } from '../core/same-person.ts'
import type { BrowserLogin, ProviderLogin } from '../core/sign-ins.ts'
import type { Store } from '../core/store.ts'
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
  store: Pick<Store, 'getLogin' | 'updateLogin' | 'deleteLogin'>
  audit: AuditTrail
  /** The provider has described somebody anew: their groups may have changed. */
  onRenewed: (who: Principal) => void
  /** For what goes wrong in the background. */
  onProblem: (what: string, cause: unknown) => void
}

/** The provider is asked so much before its last word runs out, so that a short outage is not noticed. */
const mostEarlySeconds = 30
const retryMs = 5000
/** While the last word is still good, nobody waits longer than this for a new one. */
const patienceMs = 1500
/** The provider's refusal of the person; everything else is no answer. */
const refusals = new Set(['sign_in_stale', 'sign_in_denied', 'groups_left_out'])

/** Browser logins that last while the provider agrees. Refresh tokens never leave the gateway, and are sealed in the store. */
export function createOidcLogins(parts: OidcLoginsOptions): OidcLogins {
  return new RenewedLogins(parts)
}

class RenewedLogins implements OidcLogins {
  readonly #parts: OidcLoginsOptions
  readonly #underWay = new Map<string, Promise<BrowserLogin | undefined>>()
  readonly #failures = new Map<string, { until: number; cause: unknown }>()

  constructor(parts: OidcLoginsOptions) {
    this.#parts = parts
  }

  create(identified: Identified, tokens: OidcTokens): { cookie: string; login: BrowserLogin } {
    const endsAt = new Date(Date.now() + this.#parts.options.maxSignInSeconds * 1000)
    const { cookie, login } = createBrowserLogin({ ...identified.who, expiresAt: endsAt })
    return { cookie, login: this.#describe(login, identified, tokens, endsAt) }
  }

  async renew(login: BrowserLogin): Promise<BrowserLogin | undefined> {
    const { provider, principal, idHash } = login
    const now = Date.now()
    if (provider === undefined || provider.renewAt.getTime() > now) return login
    if (provider.endsAt.getTime() <= now) {
      this.#failures.delete(idHash)
      return undefined
    }
    const isGood = principal.expiresAt.getTime() > now
    const failure = this.#failures.get(idHash)
    if (failure !== undefined && failure.until > now) {
      if (isGood) return login
      throw failure.cause
    }
    // Pages ask in parallel; a refresh token is often good only once.
    const renewal =
      this.#underWay.get(idHash) ?? this.#renewNow(idHash).finally(() => this.#underWay.delete(idHash))
    this.#underWay.set(idHash, renewal)
    if (!isGood) return await renewal
    const answer = renewal.catch(() => login)
    return await Promise.race([answer, delay(patienceMs, login, { ref: false })])
  }

  async revoke(login: BrowserLogin): Promise<void> {
    const { refreshToken } = this.#openGrant(login)
    if (refreshToken === undefined) return
    await this.#parts.client.revoke(refreshToken).catch((cause: unknown) => {
      this.#parts.onProblem('a refresh token could not be given back', cause)
    })
  }

  endSessionUrl(login: BrowserLogin, returnTo: string): Promise<string | undefined> {
    const { idToken } = this.#openGrant(login)
    return this.#parts.client.endSessionUrl({ returnTo, ...(idToken !== undefined && { idToken }) })
  }

  async #renewNow(idHash: string): Promise<BrowserLogin | undefined> {
    const { store, onProblem } = this.#parts
    try {
      // Whoever asks may have read it before another renewal was stored: that refresh token is spent by now.
      const login = await store.getLogin(idHash)
      if (login?.provider === undefined) return undefined
      const isDue = login.provider.renewAt.getTime() <= Date.now()
      const renewed = isDue ? await this.#renewOrEnd(login, login.provider) : login
      this.#failures.delete(idHash)
      return renewed
    } catch (cause) {
      const now = Date.now()
      for (const [key, { until }] of this.#failures) if (until <= now) this.#failures.delete(key)
      this.#failures.set(idHash, { until: now + retryMs, cause })
      onProblem('a sign-in could not be renewed', cause)
      throw cause
    }
  }

  async #renewOrEnd(login: BrowserLogin, provider: ProviderLogin): Promise<BrowserLogin | undefined> {
    const { refreshToken } = this.#openGrant(login)
    try {
      if (refreshToken === undefined) throw new HatchwayError('sign_in_stale', 'The sign-in key has changed.')
      return await this.#ask(login, provider, refreshToken)
    } catch (cause) {
      if (!(cause instanceof HatchwayError) || !refusals.has(cause.code)) throw cause
      await end(this.#parts, login, cause.message)
      return undefined
    }
  }

  async #ask(
    login: BrowserLogin,
    provider: ProviderLogin,
    refreshToken: string,
  ): Promise<BrowserLogin | undefined> {
    const { client, identify, store, onRenewed } = this.#parts
    const tokens = await client.refresh(refreshToken)
    const grant = { ...this.#openGrant(login), ...grantOf(tokens) }
    const kept = { ...login, provider: { ...provider, grant: this.#sealGrant(login.idHash, grant) } }
    // The old refresh token may be spent: the new one is kept before anything else can fail.
    if (!(await store.updateLogin(kept))) {
      // Signed out meanwhile, which gave the old one back.
      await this.revoke(kept)
      return undefined
    }
    const { subject, session } = provider
    const earlier = { who: login.principal, subject, ...(session !== undefined && { session }) }
    const renewed = this.#describe(kept, await identify(tokens, earlier), tokens, provider.endsAt)
    if (!(await store.updateLogin(renewed))) {
      await this.revoke(renewed)
      return undefined
    }
    onRenewed(renewed.principal)
    return renewed
  }

  /** Everything that one provider's answer means for a login. */
  #describe(
    login: BrowserLogin,
    { who, subject, session }: Identified,
    tokens: OidcTokens,
    endsAt: Date,
  ): BrowserLogin {
    const grant = { ...this.#openGrant(login), ...grantOf(tokens) }
    const renewable = grant.refreshToken !== undefined
    const { goodUntil, renewAt } = spans(this.#parts.options, tokens, renewable, Date.now(), endsAt)
    const provider: ProviderLogin = {
      subject,
      ...(session !== undefined && { session }),
      renewAt,
      // Without a refresh token nobody can be asked again.
      endsAt: renewable ? endsAt : goodUntil,
      grant: this.#sealGrant(login.idHash, grant),
    }
    return { ...login, principal: { ...who, expiresAt: goodUntil }, provider }
  }

  #sealGrant(idHash: string, grant: Grant): string {
    return this.#parts.box.seal(JSON.stringify(grant), `login ${idHash}`)
  }

  #openGrant({ idHash, provider }: BrowserLogin): Grant {
    const text = provider === undefined ? undefined : this.#parts.box.open(provider.grant, `login ${idHash}`)
    return text === undefined ? {} : (JSON.parse(text) as Grant)
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
  { store, audit }: Pick<OidcLoginsOptions, 'store' | 'audit'>,
  { idHash, principal }: BrowserLogin,
  reason: string,
): Promise<void> {
  await audit.record({
    kind: 'signed-out',
    who: personOf(principal),
    reason,
    detail: { by: 'identity provider' },
  })
  await store.deleteLogin(idHash)
}
