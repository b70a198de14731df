import { useEffect, useState } from 'react'
import { useLocation } from 'wouter'
import { type ApiError, asApiError } from '../../lib/api-error.ts'
import { OtherWays } from '../../components/other-ways.tsx'
import { ProblemFacts } from '../../components/problem-facts.tsx'
import { ProviderButton } from '../../components/provider-button.tsx'
import { SignInCard, SignInWait } from '../../components/sign-in-card.tsx'
import { SignInForm } from '../../components/sign-in-form.tsx'
import { nextPath } from '../../lib/next-path.ts'
import { hasSignedOut } from '../../lib/provider-sign-in.ts'
import { useMe, useSignInOptions } from '../../lib/queries.ts'
import { signIn } from '../../lib/sign-in.ts'
import { requestIdOf, signInProblem } from './sign-in-problems.ts'
import { useTitle } from '../../lib/use-title.ts'
import { useParameters } from '../../lib/use-url-state.ts'

/**
 * `/signin`, and `/signin#code=…` for the one-time link. Goes on to `?next=`. The gateway leads here with
 * `?problem=<code>&request=<id>` when a sign-in by the provider came to nothing.
 */
export function SignInPage() {
  useTitle('Sign in')
  const [, navigate] = useLocation()
  const parameters = useParameters()
  const next = nextPath(parameters.get('next'))
  const code = useLinkCode()
  const [outcome, setOutcome] = useState<{ code: string; failure: ApiError }>()
  const failure = outcome !== undefined && outcome.code === code ? outcome.failure : undefined
  const me = useMe()
  const options = useSignInOptions()

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

  if (isRedeeming || isSignedIn) return <SignInWait>Signing in…</SignInWait>
  if ((me.isPending && failure === undefined) || options.isPending)
    return <SignInWait>One moment…</SignInWait>
  const provider = options.data?.provider?.name
  const problem = parameters.get('problem')
  return (
    <SignInCard>
      {failure === undefined ? null : <LinkFailure failure={failure} />}
      {problem === null ? null : (
        <Problem
          code={problem}
          request={requestIdOf(parameters.get('request'))}
          provider={provider ?? 'The identity provider'}
        />
      )}
      {problem === null && failure === undefined && hasSignedOut() ? (
        <SignedOutNote provider={provider} />
      ) : null}
      {provider === undefined ? (
        <SignInForm onSignedIn={() => navigate(next, { replace: true })} />
      ) : (
        <>
          <ProviderButton name={provider} next={next} />
          {next === '/' ? null : <Onward next={next} />}
          <OtherWays isOpen={failure !== undefined}>
            <SignInForm isSecond onSignedIn={() => navigate(next, { replace: true })} />
          </OtherWays>
        </>
      )}
    </SignInCard>
  )
}

function Problem({
  code,
  request,
  provider,
}: {
  code: string
  request: string | undefined
  provider: string
}) {
  const { tone, title, advice } = signInProblem(code, provider)
  return (
    <div className="banner" data-tone={tone} role="alert">
      <div>
        <strong>{title}</strong>
        <p>{advice}</p>
        <ProblemFacts code={/^\w{1,40}$/.test(code) ? code : 'unknown'} request={request} />
      </div>
    </div>
  )
}

function LinkFailure({ failure }: { failure: ApiError }) {
  const isRefused = failure.status === 401
  return (
    <div className="banner" data-tone="bad" role="alert">
      <div>
        <strong>{isRefused ? 'This sign-in link no longer works' : failure.title}</strong>
        <p>{failure.message}</p>
        <ProblemFacts code={failure.code} request={failure.instance} />
      </div>
    </div>
  )
}

function SignedOutNote({ provider }: { provider: string | undefined }) {
  return (
    <output className="banner">
      <div>
        <strong>You have signed out</strong>
        <p>
          Your debug sessions keep running.
          {provider === undefined ? null : ` ${provider} may still know you on this computer.`}
        </p>
      </div>
    </output>
  )
}

/** Says that the link which was followed is not lost. */
function Onward({ next }: { next: string }) {
  return (
    <p className="sign-in-onward">
      Goes on to <span className="mono">{next.split(/[?#]/, 1)[0]}</span>
    </p>
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
