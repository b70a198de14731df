/** Sign-in by the identity provider, as the browser sees it: a page that leaves and comes back, or a window beside it. */
import { apiUrl } from './api.ts'
import { nextPath } from './next-path.ts'

/** Where the window of {@link openSignInWindow} comes back to. */
export const signedInPath = '/signed-in'

// `head/early.js` takes strangers to the provider by itself: not with the first of these, and not soon after the second.
const signedOutKey = 'hatchway.signed-out'
const departedKey = 'hatchway.departed-at'
const channelName = 'hatchway-sign-in'

/** Leads to the provider, and back to `next`, a path of this site. */
export function providerUrl(next: string): string {
  return apiUrl('/auth/oidc/start', { return: nextPath(next) })
}

/** Until the next sign-in of this browser nobody is taken to the provider unasked. */
export function noteSignedOut(): void {
  try {
    localStorage.setItem(signedOutKey, '1')
  } catch {
    // Storage is full or switched off.
  }
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
