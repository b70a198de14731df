import { createHash, randomBytes } from 'node:crypto'
import type { Principal } from '../core/policy.ts'
import type { BrowserLogin } from '../core/sign-ins.ts'
import type { Store } from '../core/store.ts'

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

/**
 * The login that a cookie opens; undefined when it was never given out, signed out, or is over. While its provider can be
 * asked again, it is there also when the provider's last word is no longer good.
 */
export async function findBrowserLogin(
  cookie: string,
  store: Pick<Store, 'getLogin'>,
  now = new Date(),
): Promise<BrowserLogin | undefined> {
  // Anything else was not given out by us: no need to ask the store.
  if (!/^[\w-]{43}$/.test(cookie)) return undefined
  return await findLoginByKey(hashCookie(cookie), store, now)
}

/** The same by what the store knows it by. */
export async function findLoginByKey(
  key: string,
  store: Pick<Store, 'getLogin'>,
  now = new Date(),
): Promise<BrowserLogin | undefined> {
  const login = await store.getLogin(key)
  return login !== undefined && endOf(login) > now ? login : undefined
}

/** The moment at which a login is over, whatever anybody says. */
export function endOf({ principal, provider }: BrowserLogin): Date {
  return provider?.endsAt ?? principal.expiresAt
}
