import { useState, type ReactNode } from 'react'
import { useSignInOptions } from '../lib/queries.ts'
import './other-ways.css'

/** Beneath the provider's button, folded away: what only operators and drills need. */
export function OtherWays({ isOpen = false, children }: { isOpen?: boolean; children: ReactNode }) {
  const [isUnfolded, setIsUnfolded] = useState(isOpen)
  const hasLinks = useSignInOptions().data?.methods.includes('link') === true
  return (
    <details
      className="other-ways"
      open={isUnfolded}
      onToggle={(event) => setIsUnfolded(event.currentTarget.open)}
    >
      <summary>{hasLinks ? 'Sign in with a token or one-time link' : 'Sign in with a token'}</summary>
      {isUnfolded ? children : null}
    </details>
  )
}
