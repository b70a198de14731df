import { useEffect, useRef, useState, type FormEvent } from 'react'
import { ApiError, asApiError } from '../lib/api-error.ts'
import { useSignInOptions } from '../lib/queries.ts'
import { readCredential, signIn } from '../lib/sign-in.ts'
import { Button } from './button.tsx'
import { Field } from './field.tsx'
import { ProblemFacts } from './problem-facts.tsx'
import './sign-in-form.css'

interface SignInFormProps {
  onSignedIn?: () => void
  /** Another way comes first, so this one does not stand out. */
  isSecond?: boolean
}

/** One field for whatever the user has: a token, a one-time link or its code. */
export function SignInForm({ onSignedIn, isSecond = false }: SignInFormProps) {
  const [error, setError] = useState<ApiError>()
  const [isBusy, setIsBusy] = useState(false)
  const input = useRef<HTMLTextAreaElement>(null)
  const hasLinks = useSignInOptions().data?.methods.includes('link') ?? true
  useEffect(() => input.current?.focus(), [])

  const submit = async (event?: FormEvent): Promise<void> => {
    event?.preventDefault()
    const text = input.current?.value ?? ''
    const credential = readCredential(text)
    if (credential === undefined) {
      setError(unreadable(text, hasLinks))
      input.current?.focus()
      return
    }
    setIsBusy(true)
    try {
      await signIn(credential)
      onSignedIn?.()
    } catch (cause) {
      setError(asApiError(cause))
      setIsBusy(false)
      input.current?.select()
    }
  }
  return (
    <form className="stack" onSubmit={submit} noValidate>
      <Field
        label={hasLinks ? 'Token or one-time link' : 'Token'}
        hint={
          hasLinks
            ? 'The link that the gateway printed when it started, or the output of “hatchway token” on its host.'
            : 'A JWT of an issuer that this gateway trusts.'
        }
        error={error?.message}
      >
        {(control) => (
          <textarea
            {...control}
            ref={input}
            className="secret"
            rows={3}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.shiftKey) return
              event.preventDefault()
              void submit()
            }}
          />
        )}
      </Field>
      {error?.instance === undefined ? null : <ProblemFacts code={error.code} request={error.instance} />}
      <Button kind={isSecond ? 'plain' : 'primary'} type="submit" isBusy={isBusy}>
        {isSecond ? 'Sign in with the token' : 'Sign in'}
      </Button>
    </form>
  )
}

function unreadable(text: string, hasLinks: boolean): ApiError {
  const detail =
    text.trim() === ''
      ? 'Paste something first.'
      : hasLinks
        ? 'This is neither a token (three parts with dots between them) nor a sign-in link.'
        : 'This is not a token: it has three parts with dots between them.'
  return new ApiError({ status: 0, code: 'unreadable', title: 'Not a credential', detail })
}
