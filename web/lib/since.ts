/** How far back a list goes, as a filter. */
export const sinceFilters = [
  ['', 'Any time'],
  ['1h', 'Last hour'],
  ['1d', 'Last day'],
  ['7d', 'Last 7 days'],
  ['30d', 'Last 30 days'],
] as const

const hours: Readonly<Record<string, number>> = { '1h': 1, '1d': 24, '7d': 168, '30d': 720 }

/** The moment as RFC 3339; undefined for any time. */
export function sinceMoment(since: string): string | undefined {
  const back = hours[since]
  return back === undefined ? undefined : new Date(Date.now() - back * 3_600_000).toISOString()
}
