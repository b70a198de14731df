import type { Principal } from '../core/policy.ts'
import type { AuditTrail } from '../core/audit-trail.ts'
import type { ProviderSignIn } from '../core/authentication.ts'
import type { Store } from '../core/store.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { endOf, findBrowserLogin } from './browser-login.ts'
import { createOidcClient } from './oidc-client.ts'
import { createIdentify } from './oidc-identity.ts'
import { createOidcLogins, type OidcLogins } from './oidc-logins.ts'
import { createLogoutReader } from './oidc-logout.ts'
import type { OidcOptions } from './oidc-options.ts'
import { createOidcSignIn } from './oidc-sign-in.ts'
import type { SealedBox } from './sealed-box.ts'

/** Sign-in by one OpenID Connect provider. */
export interface Oidc extends ProviderSignIn {
  readonly logins: OidcLogins
  /** Asks for the provider's metadata now, so that nobody's sign-in has to wait for them. Fails in the background. */
  warmUp(): void
}

export interface OidcParts {
  options: OidcOptions
  clockSkewSeconds: number
  box: SealedBox
  store: Store
  audit: AuditTrail
  onProblem: (what: string, cause: unknown) => void
  /** The provider has described somebody anew. */
  onRenewed: (who: Principal) => void
}

export function createOidc({ options, clockSkewSeconds, box, store, audit, ...told }: OidcParts): Oidc {
  const client = createOidcClient(options, clockSkewSeconds)
  const identify = createIdentify(options, client, clockSkewSeconds)
  const logins = createOidcLogins({ options, client, identify, box, store, audit, ...told })
  const signIn = createOidcSignIn(client, identify, box)
  return {
    ...signIn,
    issuer: options.issuer,
    name: options.name,
    logins,
    warmUp() {
      client
        .jwksUri()
        .catch((cause: unknown) => told.onProblem('the identity provider gives no answer yet', cause))
    },
    async finish(request) {
      const { identified, tokens, returnTo, replaces } = await signIn.finish(request)
      const { cookie, login } = logins.create(identified, tokens)
      const save = async () => {
        await store.saveLogin(login)
        return { id: cookie }
      }
      return withoutUndefined({ who: login.principal, endsAt: endOf(login), returnTo, save, replaces })
    },
    async endSessionUrl(id, returnTo) {
      const login = await findBrowserLogin(id, store)
      if (login?.provider === undefined || login.principal.issuer !== options.issuer) return undefined
      return logins.endSessionUrl(login, returnTo)
    },
    readLogout: createLogoutReader(options, client, clockSkewSeconds),
  }
}
