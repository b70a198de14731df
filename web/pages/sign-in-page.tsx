import { useEffect, useState } from 'react'
import { useLocation } from 'wouter'
import { type ApiError, asApiError } from '../api-error.ts'
import { Mark } from '../components/icons.tsx'
import { SignInForm } from '../components/sign-in-form.tsx'
import { useMe } from '../queries.ts'
import { nextPath, signIn } from '../sign-in.ts'
import { useTitle } from '../use-title.ts'
import { useParameters } from '../use-url-state.ts'

/** `/signin`, and `/signin#code=…` for the one-time link. Goes on to `?next=`. */
export function SignInPage() {
  useTitle('Sign in')
  const [, navigate] = useLocation()
  const parameters = useParameters()
  const next = nextPath(parameters)
  const code = useLinkCode()
  const [outcome, setOutcome] = useState<{ code: string; failure: ApiError }>()
  const failure = outcome !== undefined && outcome.code === code ? outcome.failure : undefined
  const me = useMe()

  useEffect(() => {
    if (code === undefined) return undefined
    let isCurrent = true
    const exchange = async (): Promise<void> => {
      try {
        await redeem(code)
        if (isCurrent) navigate(next, { replace: true })
      } catch (cause) {
        if (isCurrent) setOutcome({ code, failure: asApiError(cause) })
      }
    }
    void exchange()
    return () => {
      isCurrent = false
    }
  }, [code, next, navigate])

  const isSignedIn = me.data !== undefined && me.error === null
  const isRedeeming = code !== undefined && failure === undefined
  useEffect(() => {
    // Also after a link that was used before: whoever is signed in already wants the app, not an error.
    if (isSignedIn && !isRedeeming) navigate(next, { replace: true })
  }, [isSignedIn, isRedeeming, next, navigate])

  const isWaiting = isRedeeming || isSignedIn || (me.isPending && failure === undefined)
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <div className="sign-in-brand">
          <Mark size={40} />
          <h1>Hatchway</h1>
        </div>
        <p className="sign-in-line">A recorded terminal in containers that have no shell.</p>
        {isWaiting ? (
          <output className="sign-in-wait">
            <span className="spinner" aria-hidden="true" /> Signing in…
          </output>
        ) : (
          <>
            {failure === undefined ? null : <LinkFailure failure={failure} />}
            <SignInForm
              onSignedIn={() => {
                navigate(next, { replace: true })
              }}
            />
          </>
        )}
      </div>
    </main>
  )
}

function LinkFailure({ failure }: { failure: ApiError }) {
  const isRefused = failure.status === 401
  return (
    <div className="banner bad" role="alert">
      <div>
        <strong>{isRefused ? 'This sign-in link no longer works' : failure.title}</strong>
        <p>{failure.message}</p>
        <p className="small-print">
          Code <code>{failure.code}</code>
          {failure.instance === undefined ? null : (
            <>
              {' '}
              · request <code>{failure.instance}</code>
            </>
          )}
        </p>
      </div>
    </div>
  )
}

// A link works once: the same code must not be sent twice by an effect that runs twice.
const redeemed = new Map<string, Promise<void>>()

function redeem(code: string): Promise<void> {
  const known = redeemed.get(code)
  if (known !== undefined) return known
  const signingIn = signIn({ code })
  redeemed.set(code, signingIn)
  return signingIn
}

/** The code of the address, which then leaves the address bar and the history. */
function useLinkCode(): string | undefined {
  const [code, setCode] = useState(codeInHash)
  useEffect(() => {
    const read = (): void => {
      const found = codeInHash()
      if (found === undefined) return
      setCode(found)
      history.replaceState(history.state, '', location.pathname + location.search)
    }
    read()
    window.addEventListener('hashchange', read)
    return () => window.removeEventListener('hashchange', read)
  }, [])
  return code
}

function codeInHash(): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get('code') ?? undefined
}
