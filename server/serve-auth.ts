import { createBrowserLogin, hashCookie, verifyBrowserLogin } from './auth/browser-login.ts'
import { createLocalIssuer } from './auth/local-issuer.ts'
import { createOneTimeCodes } from './auth/one-time-link.ts'
import { createTokenVerifier } from './auth/verify-token.ts'
import { createWsTickets } from './auth/ws-tickets.ts'
import { localIssuer, type Config } from './config.ts'
import { HatchwayError } from './core/errors.ts'
import type { Principal } from './core/policy.ts'
import type { GetOrCreateSecret, Store } from './core/store.ts'
import type { Auth } from './http/deps.ts'

const localLoginSeconds = 12 * 3600

/** Everything that says who is who. `signInCode` is there when the one-time link may be used. */
export async function createGatewayAuth(
  config: Config,
  store: Store,
  getOrCreateSecret: GetOrCreateSecret,
): Promise<{ auth: Auth; signInCode?: string }> {
  const { issuers, localTokens, clockSkewSeconds, localUser } = config.auth
  const local = localTokens ? await createLocalIssuer({ getOrCreateSecret, ...localIssuer }) : undefined
  const accepted = local === undefined ? issuers : [...issuers, local.issuerOptions]
  const verifier = createTokenVerifier(accepted, { clockSkewSeconds })
  const tickets = createWsTickets()
  const codes = createOneTimeCodes()
  const redeemLink = (code: string): Principal => {
    if (!codes.redeem(code)) {
      const detail = 'This sign-in link was used already or is too old. Restart the gateway to get a new one.'
      throw new HatchwayError('unauthenticated', detail)
    }
    const expiresAt = new Date(Date.now() + localLoginSeconds * 1000)
    return { ...localUser, issuer: localIssuer.issuer, expiresAt }
  }
  const logins: Auth['logins'] = {
    async create(who) {
      const { cookie, login } = createBrowserLogin(who)
      await store.saveLogin(login)
      return { id: cookie }
    },
    find: (id) => verifyBrowserLogin(id, store),
    remove: (id) => store.deleteLogin(hashCookie(id)),
  }
  const auth: Auth = { verifyToken: (token) => verifier.verify(token), tickets, logins }
  return local === undefined ? { auth } : { auth: { ...auth, redeemLink }, signInCode: codes.mint().code }
}
