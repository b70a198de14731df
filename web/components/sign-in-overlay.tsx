import { useEffect, useSyncExternalStore } from 'react'
import { queryClient } from '../queries.ts'
import { api } from '../api.ts'
import { announceSignedIn, isSignInNeeded, onSignInChange } from '../sign-in-gate.ts'
import { Dialog } from './dialog.tsx'
import { SignInForm } from './sign-in-form.tsx'

/** Opens over whatever page met the end of the sign-in; the page and what was typed into it stay. */
export function SignInOverlay() {
  const isOpen = useSyncExternalStore(onSignInChange, isSignInNeeded)
  useEffect(() => {
    if (!isOpen) return undefined
    // Somebody may have signed in in another tab meanwhile.
    const look = (): void => {
      if (document.hidden) return
      api('/me', { onUnauthenticated: 'throw' })
        .then(() => queryClient.invalidateQueries({ queryKey: ['me'] }))
        .then(announceSignedIn, () => undefined)
    }
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [isOpen])
  return (
    <Dialog
      isOpen={isOpen}
      title="Sign in to go on"
      description="Your sign-in has ended. This page stays as it is; debug sessions keep running meanwhile."
    >
      <SignInForm />
    </Dialog>
  )
}
