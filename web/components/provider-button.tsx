import { useEffect, useRef, useState } from 'react'
import { providerUrl } from '../lib/provider-sign-in.ts'
import { Button } from './button.tsx'

/** Leaves for the provider, which leads back to `next`. Has the focus, so that Enter is enough. */
export function ProviderButton({ name, next }: { name: string; next: string }) {
  const [isLeaving, setIsLeaving] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => button.current?.focus(), [])
  useEffect(() => {
    // The way back may show this page as it was left.
    const shown = (): void => setIsLeaving(false)
    addEventListener('pageshow', shown)
    return () => removeEventListener('pageshow', shown)
  }, [])
  return (
    <Button
      kind="primary"
      ref={button}
      isBusy={isLeaving}
      onClick={() => {
        setIsLeaving(true)
        location.assign(providerUrl(next))
      }}
    >
      Sign in with {name}
    </Button>
  )
}
