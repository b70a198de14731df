import { queryClient } from './queries.ts'
import { api } from './api.ts'
import { ownPath } from './own-path.ts'
import { announceSignedIn } from './sign-in-gate.ts'

type Credential = { code: string } | { token: string }

/** Reads what somebody pastes: a one-time link, its code alone, or a JWT. Undefined when it is none of them. */
export function readCredential(text: string): Credential | undefined {
  const pasted = text.trim()
  const code = /#code=([^\s&]+)/.exec(pasted)?.[1]
  if (code !== undefined) return { code: decodeURIComponent(code) }
  const token = pasted.replace(/^bearer\s+/i, '')
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return { token }
  return /^[\w-]{16,200}$/.test(pasted) ? { code: pasted } : undefined
}

/** Exchanges it for the cookie, then lets everything that waited go on. Throws ApiError. */
export async function signIn(credential: Credential): Promise<void> {
  await api('/auth/session', { method: 'POST', body: credential, onUnauthenticated: 'throw' })
  await queryClient.invalidateQueries({ queryKey: ['me'] })
  announceSignedIn()
}

/** Forgets the cookie and everything that was read with it. */
export async function signOut(): Promise<void> {
  await api('/auth/session', { method: 'DELETE', onUnauthenticated: 'throw' })
  location.assign('/signin')
}

/** Where to go after the sign-in: a path of this app, nothing else. */
export function nextPath(parameters: URLSearchParams): string {
  const next = ownPath(parameters.get('next') ?? '/', location.origin)
  return next.startsWith('/signin') ? '/' : next
}
