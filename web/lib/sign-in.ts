import type { Me, SignedOut } from '../../server/protocol/sign-in-api.ts'
import { api } from './api.ts'
import { broadcastSignedIn, noteSignedOut } from './provider-sign-in.ts'
import { queryClient } from './queries.ts'
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
  await goOnSignedIn()
  broadcastSignedIn()
}

/** This browser has a sign-in again: what waited for it goes on. Throws ApiError when it has none. */
export async function goOnSignedIn(): Promise<void> {
  const before = queryClient.getQueryData<Me>(['me'])
  const me = await api<Me>('/me', { onUnauthenticated: 'throw' })
  if (before !== undefined && (before.subject !== me.subject || before.issuer !== me.issuer)) {
    // What one person has open is not for the next one to see.
    location.reload()
    return
  }
  queryClient.setQueryData(['me'], me)
  announceSignedIn()
}

/** Forgets the cookie and everything that was read with it. */
export async function signOut(): Promise<void> {
  await api('/auth/session', { method: 'DELETE', onUnauthenticated: 'throw' })
  noteSignedOut()
  location.assign('/signin')
}

/** Ends every browser's sign-in of this person, and the one at the identity provider where it has a way to that. */
export async function signOutEverywhere(): Promise<void> {
  const { continueAt } = await api<SignedOut>('/auth/sessions', {
    method: 'DELETE',
    onUnauthenticated: 'throw',
  })
  noteSignedOut()
  location.assign(continueAt ?? '/signin')
}
