/**
 * What happens when a call meets 401 while somebody works: the page stays as it is, an overlay asks to sign in,
 * and the calls that met it go on afterwards.
 */
type Listener = () => void

let waiting: PromiseWithResolvers<void> | undefined
const listeners = new Set<Listener>()

function announce(): void {
  for (const listener of listeners) listener()
}

/** Resolves once the user has signed in again. Rejects when `signal` aborts. */
export async function signedInAgain(signal: AbortSignal): Promise<void> {
  if (waiting === undefined) {
    waiting = Promise.withResolvers()
    announce()
  }
  const { promise } = waiting
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    signal.throwIfAborted()
    await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Lets the waiting calls go on. */
export function announceSignedIn(): void {
  waiting?.resolve()
  waiting = undefined
  announce()
}

export function isSignInNeeded(): boolean {
  return waiting !== undefined
}

/** For useSyncExternalStore. */
export function onSignInChange(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** For what meets the end of a sign-in outside of a call, such as a socket closed with 4401. */
export function askForSignIn(): void {
  signedInAgain(new AbortController().signal).catch(() => undefined)
}
