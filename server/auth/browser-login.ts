import { createHash, randomBytes } from 'node:crypto'
import type { Principal } from '../core/policy.ts'
import type { BrowserLogin, Store } from '../core/store.ts'

/** 256 random bits for the cookie, and the row that the store keeps: it holds only their SHA-256. */
export function createBrowserLogin(
  principal: Principal,
  now = new Date(),
): { cookie: string; login: BrowserLogin } {
  const cookie = randomBytes(32).toString('base64url')
  return { cookie, login: { idHash: hashCookie(cookie), principal, createdAt: now } }
}

/** What the store knows a cookie by. */
export function hashCookie(cookie: string): string {
  return createHash('sha256').update(cookie).digest('hex')
}

/** Who a cookie belongs to; undefined when it was never given out, signed out, or its token has expired. */
export async function verifyBrowserLogin(
  cookie: string,
  store: Pick<Store, 'getLogin'>,
  now = new Date(),
): Promise<Principal | undefined> {
  // Anything else was not given out by us: no need to ask the store.
  if (!/^[\w-]{43}$/.test(cookie)) return undefined
  const login = await store.getLogin(hashCookie(cookie))
  return login !== undefined && login.principal.expiresAt > now ? login.principal : undefined
}
