import { useEffect, useState } from 'react'
import { Redirect } from 'wouter'
import { depart, goesByItself, herePath } from '../provider-sign-in.ts'
import { useSignInOptions } from '../queries.ts'
import { SignInWait } from './sign-in-card.tsx'

/**
 * Somebody who is not signed in has followed a link. Where an identity provider signs people in they are taken there at
 * once, and are back at their link without a click when it knows them; else they get the sign-in page.
 */
export function Stranger() {
  const [next] = useState(herePath)
  const [isToGo] = useState(() => goesByItself())
  const options = useSignInOptions()
  const provider = options.data?.provider?.name
  const goes = isToGo && provider !== undefined
  useEffect(() => {
    if (goes) depart(next)
  }, [goes, next])
  if (goes) return <SignInWait>Going to {provider}…</SignInWait>
  if (isToGo && options.isPending) return null
  return <Redirect to={next === '/' ? '/signin' : `/signin?next=${encodeURIComponent(next)}`} replace />
}
