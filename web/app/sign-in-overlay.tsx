import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { onSignedInElsewhere, openSignInWindow, providerUrl, signedInPath } from '../lib/provider-sign-in.ts'
import { useSignInOptions } from '../lib/queries.ts'
import { isSignInNeeded, onSignInChange } from '../lib/sign-in-gate.ts'
import { goOnSignedIn } from '../lib/sign-in.ts'
import { Button } from '../components/button.tsx'
import { Dialog } from '../components/dialog.tsx'
import { OtherWays } from '../components/other-ways.tsx'
import { SignInForm } from '../components/sign-in-form.tsx'
import { Spinner } from '../components/spinner.tsx'

/** Opens over whatever page met the end of the sign-in; the page and what was typed into it stay. */
export function SignInOverlay() {
  const isOpen = useSyncExternalStore(onSignInChange, isSignInNeeded)
  useEffect(() => {
    if (!isOpen) return undefined
    // In the window that was opened for it, or in any other tab.
    const look = (): void => void goOnSignedIn().catch(() => undefined)
    const lookWhenSeen = (): void => {
      if (!document.hidden) look()
    }
    const stop = onSignedInElsewhere(look)
    document.addEventListener('visibilitychange', lookWhenSeen)
    addEventListener('focus', lookWhenSeen)
    return () => {
      stop()
      document.removeEventListener('visibilitychange', lookWhenSeen)
      removeEventListener('focus', lookWhenSeen)
    }
  }, [isOpen])
  return (
    <Dialog
      isOpen={isOpen}
      title="Sign in to go on"
      description="Your sign-in has ended. This page stays as it is; debug sessions keep running meanwhile."
    >
      <WaysIn />
    </Dialog>
  )
}

function WaysIn() {
  const options = useSignInOptions()
  const provider = options.data?.provider?.name
  if (options.isPending) return null
  if (provider === undefined) return <SignInForm />
  return (
    <div className="stack">
      <BesideThePage provider={provider} />
      <OtherWays>
        <SignInForm isSecond />
      </OtherWays>
    </div>
  )
}

/** A window of its own, so that the page with its terminal stays; leaving the page is the way of last resort. */
function BesideThePage({ provider }: { provider: string }) {
  const [outcome, setOutcome] = useState<'opened' | 'blocked'>()
  const button = useRef<HTMLButtonElement>(null)
  // It comes after the dialog, which had nothing to give the focus to.
  useEffect(() => button.current?.focus(), [])
  return (
    <>
      <Button
        kind="primary"
        ref={button}
        onClick={() => setOutcome(openSignInWindow() ? 'opened' : 'blocked')}
      >
        {outcome === 'opened' ? 'Open the window again' : `Sign in with ${provider}`}
      </Button>
      <p className="sign-in-onward" aria-live="polite">
        {outcome === 'opened' ? (
          <>
            <Spinner /> Sign in there; this page goes on by itself.
          </>
        ) : outcome === 'blocked' ? (
          <>
            The browser blocked the window:{' '}
            <a href={providerUrl(signedInPath)} target="_blank" rel="noreferrer">
              sign in in a new tab
            </a>
            , then come back.
          </>
        ) : (
          'In a window of its own.'
        )}{' '}
        Or <a href={providerUrl(location.pathname + location.search + location.hash)}>leave this page</a> and
        come back to it.
      </p>
    </>
  )
}
