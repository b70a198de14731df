import type { BrowserLogins, Login } from '../core/authentication.ts'
import type { Principal } from '../core/policy.ts'
import type { BrowserLogin, LoginQuery } from '../core/sign-ins.ts'
import type { Store } from '../core/store.ts'
import { createBrowserLogin, endOf, findBrowserLogin, findLoginByKey, hashCookie } from './browser-login.ts'
import type { OidcLogins } from './oidc-logins.ts'

type LoginStore = Pick<Store, 'saveLogin' | 'getLogin' | 'findLogins' | 'deleteLogin'>

/** Every browser sign-in; those of an identity provider go on while it agrees. */
export function createLogins(
  store: LoginStore,
  oidc?: { issuer: string; logins: OidcLogins },
): BrowserLogins {
  const current = async (login: BrowserLogin): Promise<BrowserLogin | undefined> => {
    if (login.provider === undefined) return login
    // The provider that vouched is no longer the configured one.
    return oidc?.issuer === login.principal.issuer ? oidc.logins.renew(login) : undefined
  }
  const asNow = async (kept: BrowserLogin | undefined): Promise<Login | undefined> =>
    kept === undefined ? undefined : describe(await current(kept))
  const drop = async (login: BrowserLogin): Promise<string> => {
    await store.deleteLogin(login.idHash)
    if (login.provider !== undefined) void oidc?.logins.revoke(login)
    return login.idHash
  }
  const removeKey = async (key: string): Promise<void> => {
    const login = await store.getLogin(key)
    if (login !== undefined) await drop(login)
  }
  return {
    async create(who: Principal): Promise<{ id: string }> {
      const { cookie, login } = createBrowserLogin(who)
      await store.saveLogin(login)
      return { id: cookie }
    },
    find: async (id: string) => asNow(await findBrowserLogin(id, store)),
    findKey: async (key: string) => asNow(await findLoginByKey(key, store)),
    known: async (id: string) => describe(await findBrowserLogin(id, store)),
    knownKey: async (key: string) => describe(await findLoginByKey(key, store)),
    remove: (id: string) => removeKey(hashCookie(id)),
    removeKey,
    async removeAll(query: LoginQuery): Promise<string[]> {
      return await Promise.all((await store.findLogins(query)).map(drop))
    },
  }
}

function describe(login: BrowserLogin | undefined): Login | undefined {
  if (login === undefined) return undefined
  const { principal: who, provider, idHash: key } = login
  const renewable = provider !== undefined && provider.renewAt < provider.endsAt
  const byProvider = provider !== undefined
  return { who, key, endsAt: endOf(login), byProvider, ...(renewable && { renewAt: provider.renewAt }) }
}
