import type { Principal } from '../core/policy.ts'
import type { Store } from '../core/store.ts'
import { endOf, findBrowserLogin } from './browser-login.ts'
import { createOidcClient } from './oidc-client.ts'
import { createIdentify } from './oidc-identity.ts'
import { createOidcLogins, type OidcLogins } from './oidc-logins.ts'
import { createLogoutReader, type LogoutOrder } from './oidc-logout.ts'
import type { OidcOptions } from './oidc-options.ts'
import { createOidcSignIn, type OidcSignIn } from './oidc-sign-in.ts'
import type { SealedBox } from './sealed-box.ts'

/** A person whom the provider let in. Nothing is stored yet. */
export interface Arrival {
  who: Principal
  endsAt: Date
  /** A path of this site. */
  returnTo: string
  /** The login that the browser had before; the new one takes its place. */
  replaces?: string
  /** Stores the login under a fresh id, for the cookie. */
  save(): Promise<{ id: string }>
}

/** Sign-in by one OpenID Connect provider. */
export interface Oidc extends Omit<OidcSignIn, 'finish'> {
  readonly issuer: string
  readonly name: string
  readonly logins: OidcLogins
  /** Asks for the provider's metadata now, so that nobody's sign-in has to wait for them. Fails in the background. */
  warmUp(): void
  finish(request: { query: string; pending: string | undefined }): Promise<Arrival>
  /** Where the browser with this login signs out of the provider too; undefined where that cannot be said. */
  endSessionUrl(id: string, returnTo: string): Promise<string | undefined>
  /** Which logins a logout token of the provider ends. Throws `token_invalid`. */
  readLogout(token: string): Promise<LogoutOrder>
}

export interface OidcParts {
  options: OidcOptions
  clockSkewSeconds: number
  box: SealedBox
  store: Store
  onProblem: (what: string, cause: unknown) => void
  /** The provider has described somebody anew. */
  onRenewed: (who: Principal) => void
}

export function createOidc({ options, clockSkewSeconds, box, store, ...told }: OidcParts): Oidc {
  const client = createOidcClient(options, clockSkewSeconds)
  const identify = createIdentify(options, client, clockSkewSeconds)
  const logins = createOidcLogins({ options, client, identify, box, store, ...told })
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
      const arrival = { who: login.principal, endsAt: endOf(login), returnTo, save }
      return replaces === undefined ? arrival : { ...arrival, replaces }
    },
    async endSessionUrl(id, returnTo) {
      const login = await findBrowserLogin(id, store)
      if (login?.provider === undefined || login.principal.issuer !== options.issuer) return undefined
      return logins.endSessionUrl(login, returnTo)
    },
    readLogout: createLogoutReader(options, client, clockSkewSeconds),
  }
}
