import { useCallback } from 'react'
import { useSearchParams } from 'wouter'

/** Filters live in the address, so that a link shows what I see. Empty values leave it. */
export function useUrlState(): [URLSearchParams, (change: Readonly<Record<string, string>>) => void] {
  const [parameters, setParameters] = useSearchParams()
  const update = useCallback(
    (change: Readonly<Record<string, string>>) => {
      setParameters(
        (old) => {
          const next = new URLSearchParams(old)
          for (const [name, value] of Object.entries(change)) {
            if (value === '') next.delete(name)
            else next.set(name, value)
          }
          return next
        },
        { replace: true },
      )
    },
    [setParameters],
  )
  return [parameters, update]
}
