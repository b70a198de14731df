import { useCallback, useEffect, useMemo } from 'react'
import { navigate, useSearch } from 'wouter/use-browser-location'
import { rememberList } from './list-places.ts'

/** The address's parameters as they are written. The router's own hook decodes them once before: `%2526` would be `&` there. */
export function useParameters(): URLSearchParams {
  const search = useSearch()
  return useMemo(() => new URLSearchParams(search), [search])
}

/** Filters live in the address, so that a link shows what I see. Empty values leave it. */
export function useUrlState(): [URLSearchParams, (change: Readonly<Record<string, string>>) => void] {
  const update = useCallback((change: Readonly<Record<string, string>>) => {
    const next = new URLSearchParams(location.search)
    for (const [name, value] of Object.entries(change)) {
      if (value === '') next.delete(name)
      else next.set(name, value)
    }
    navigate(`${location.pathname}${next.size === 0 ? '' : `?${next}`}`, { replace: true })
  }, [])
  const parameters = useParameters()
  const search = useSearch()
  useEffect(() => rememberList(location.pathname, search), [search])
  return [parameters, update]
}
