import { useCallback, useSyncExternalStore } from 'react'

interface Ticker {
  now: number
  listeners: Set<() => void>
  timer: ReturnType<typeof setInterval> | undefined
}

// One timer per interval, however many cells of a table show an age.
const tickers = new Map<number, Ticker>()

function tickerOf(everyMs: number): Ticker {
  const known = tickers.get(everyMs)
  if (known !== undefined) return known
  const ticker: Ticker = { now: Date.now(), listeners: new Set(), timer: undefined }
  tickers.set(everyMs, ticker)
  return ticker
}

function renew(ticker: Ticker): void {
  if (document.hidden) return
  ticker.now = Date.now()
  for (const listener of ticker.listeners) listener()
}

document.addEventListener('visibilitychange', () => {
  for (const ticker of tickers.values()) renew(ticker)
})

/** The current time, renewed every `everyMs` while the tab is visible. */
export function useNow(everyMs: number): number {
  const subscribe = useCallback(
    (listener: () => void) => {
      const ticker = tickerOf(everyMs)
      ticker.listeners.add(listener)
      if (ticker.timer === undefined) {
        ticker.timer = setInterval(() => renew(ticker), everyMs)
        ticker.now = Date.now()
      }
      return () => {
        ticker.listeners.delete(listener)
        if (ticker.listeners.size > 0) return
        clearInterval(ticker.timer)
        ticker.timer = undefined
      }
    },
    [everyMs],
  )
  return useSyncExternalStore(subscribe, () => tickerOf(everyMs).now)
}
