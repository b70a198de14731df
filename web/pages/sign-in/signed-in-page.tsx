import { useEffect } from 'react'
import { ButtonLink } from '../../components/button.tsx'
import { SignInCard, SignInWait } from '../../components/sign-in-card.tsx'
import { broadcastSignedIn, noteSignedIn } from '../../lib/provider-sign-in.ts'
import { useMe } from '../../lib/queries.ts'
import { useTitle } from '../../lib/use-title.ts'

/** Where the window that signs in beside a page comes back to: it tells the page, and goes away. */
export function SignedInPage() {
  useTitle('Signed in')
  const me = useMe()
  const isSignedIn = me.data !== undefined
  useEffect(() => {
    if (!isSignedIn) return
    noteSignedIn()
    broadcastSignedIn()
    // Does nothing in a tab that no page has opened.
    window.close()
  }, [isSignedIn])
  if (me.isPending) return <SignInWait>Signing in…</SignInWait>
  return (
    <SignInCard>
      <output className="banner">
        <div>
          <strong>{isSignedIn ? 'You are signed in' : 'You are not signed in'}</strong>
          <p>
            {isSignedIn
              ? 'Go back to the page that you came from: it goes on by itself. This window can be closed.'
              : 'The sign-in was not kept by this browser. It has to allow cookies of this site.'}
          </p>
        </div>
      </output>
      {isSignedIn ? (
        <ButtonLink href="/">All targets</ButtonLink>
      ) : (
        <ButtonLink href="/signin">Sign in</ButtonLink>
      )}
    </SignInCard>
  )
}
