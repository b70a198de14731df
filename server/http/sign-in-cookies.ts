/** Cookies of the browser's sign-in: the one that signs it in, and those of sign-ins that are under way at the provider. */
import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OwnOrigin } from './own-origin.ts'

/** A sign-in at the provider may take this long. */
const pendingSeconds = 600
/** More links than that nobody opens at once; each cookie has about 700 bytes, and headers are bounded. */
const mostPending = 5

/** The name that browsers bind to the host and to TLS; plain loopback cannot have that prefix. */
export function cookieName(origin: OwnOrigin): string {
  return origin.secure ? '__Host-hatchway' : 'hatchway'
}

export function setLoginCookie(reply: FastifyReply, origin: OwnOrigin, id: string, expires: Date): void {
  reply.setCookie(cookieName(origin), id, { ...loginAttributes(origin), expires })
}

export function clearLoginCookie(reply: FastifyReply, origin: OwnOrigin): void {
  reply.clearCookie(cookieName(origin), loginAttributes(origin))
}

/** Of each sign-in under way, by its key. Too many are forgotten: another site could have begun them. */
export function setPendingCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  origin: OwnOrigin,
  { key, pending }: { key: string; pending: string },
): void {
  const prefix = pendingName(origin, '')
  const names = Object.keys(request.cookies).filter((name) => name.startsWith(prefix))
  if (names.length >= mostPending)
    for (const name of names) reply.clearCookie(name, pendingAttributes(origin))
  reply.setCookie(pendingName(origin, key), pending, { ...pendingAttributes(origin), maxAge: pendingSeconds })
}

/** The pending sign-in of this browser, which is spent by it. */
export function takePendingCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  origin: OwnOrigin,
  key: string,
): string | undefined {
  const name = pendingName(origin, key)
  const pending = request.cookies[name]
  if (pending !== undefined) reply.clearCookie(name, pendingAttributes(origin))
  return pending
}

function pendingName(origin: OwnOrigin, key: string): string {
  return `${cookieName(origin)}-sign-in-${key}`
}

function loginAttributes(origin: OwnOrigin): CookieSerializeOptions {
  return { httpOnly: true, sameSite: 'strict', path: '/', secure: origin.secure }
}

// Lax: the browser comes back from the provider's site, and brings no Strict cookie then.
function pendingAttributes(origin: OwnOrigin): CookieSerializeOptions {
  return { httpOnly: true, sameSite: 'lax', path: '/', secure: origin.secure }
}
