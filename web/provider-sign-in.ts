/** Sign-in by the identity provider, as the browser sees it: a page that leaves and comes back, or a window beside it. */
import { apiUrl } from './api.ts'
import { nextPath } from './next-path.ts'

/** Where the window of {@link openSignInWindow} comes back to. */
export const signedInPath = '/signed-in'

const signedOutKey = 'hatchway.signed-out'
const departedKey = 'hatchway.departed-at'
const channelName = 'hatchway-sign-in'
/** Whoever is back sooner, and still is a stranger, would go round in circles. */
const circleMs = 30_000

/** Leads to the provider, and back to `next`, a path of this site. */
export function providerUrl(next: string): string {
  return apiUrl('/auth/oidc/start', { return: nextPath(next) })
}

/** The page that is open now, as the address bar has it. */
export function herePath(): string {
  return location.pathname + location.search + location.hash
}

/**
 * Whether a stranger is taken to the provider without a click: not after they signed out, and not when they just came
 * from there. Without storage nobody can tell, so they are asked.
 */
export function goesByItself(now = Date.now()): boolean {
  try {
    if (localStorage.getItem(signedOutKey) !== null) return false
    return now - Number(sessionStorage.getItem(departedKey) ?? 0) > circleMs
  } catch {
    return false
  }
}

/** To the provider in place of this page: the way back skips it, so that it can't send anybody forth again. */
export function depart(next: string): void {
  remember(sessionStorage, departedKey, String(Date.now()))
  location.replace(providerUrl(next))
}

/** Until the next sign-in of this browser nobody is taken to the provider unasked. */
export function noteSignedOut(): void {
  remember(localStorage, signedOutKey, '1')
}

export function noteSignedIn(): void {
  try {
    localStorage.removeItem(signedOutKey)
    sessionStorage.removeItem(departedKey)
  } catch {
    // Storage is switched off, so nothing was noted either.
  }
}

export function hasSignedOut(): boolean {
  try {
    return localStorage.getItem(signedOutKey) !== null
  } catch {
    return false
  }
}

/** Beside the page, which stays as it is. False when the browser does not let a window open. */
export function openSignInWindow(): boolean {
  const left = Math.max(0, screenX + (outerWidth - 520) / 2)
  const top = Math.max(0, screenY + (outerHeight - 700) / 2)
  const features = `popup,width=520,height=700,left=${Math.round(left)},top=${Math.round(top)}`
  return window.open(providerUrl(signedInPath), 'hatchway-sign-in', features) !== null
}

/** Tells the other pages of this browser. */
export function broadcastSignedIn(): void {
  const channel = new BroadcastChannel(channelName)
  channel.postMessage('signed-in')
  channel.close()
}

/** Calls back when another page of this browser has signed in. Call the result to stop. */
export function onSignedInElsewhere(listener: () => void): () => void {
  const channel = new BroadcastChannel(channelName)
  channel.addEventListener('message', listener)
  return () => channel.close()
}

function remember(storage: Storage, key: string, value: string): void {
  try {
    storage.setItem(key, value)
  } catch {
    // Storage is full: the user is asked once more or once less.
  }
}
