/** Numbers and moments as short words. Pure. */

const units = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
] as const

/** `45s`, `12m`, `3h 5m`, `2d 4h`: at most two units. */
export function duration(ms: number): string {
  let seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  const parts: string[] = []
  for (const [size, unit] of units) {
    const count = Math.floor(seconds / size)
    if (count > 0) parts.push(`${count}${unit}`)
    else if (parts.length > 0) break
    seconds -= count * size
  }
  return parts.slice(0, 2).join(' ')
}

/** One unit only, for narrow columns: `45s`, `12m`, `3h`, `2d`. */
export function age(since: string, now: number): string {
  return duration(now - Date.parse(since)).split(' ')[0] ?? ''
}

/** `4:05`, for a countdown. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** Whole limits in words: `1 hour`, `15 minutes`, `1 hour 30 minutes`. */
export function inWords(seconds: number): string {
  const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`
  if (seconds < 60) return count(seconds, 'second')
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.round((seconds % 3600) / 60)
  return [hours > 0 ? count(hours, 'hour') : '', minutes > 0 ? count(minutes, 'minute') : '']
    .filter((part) => part !== '')
    .join(' ')
}

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const timeOnly = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const dayAndTime = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
})

/** The full local moment. */
export function moment(at: string): string {
  return dateTime.format(new Date(at))
}

/** Time alone today, else the day and the time. */
export function shortMoment(at: string, now: number): string {
  const date = new Date(at)
  const isToday = date.toDateString() === new Date(now).toDateString()
  return isToday ? timeOnly.format(date) : dayAndTime.format(date)
}

/** `820 B`, `12.4 KiB`, `3.1 MiB`. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`
  const kib = count / 1024
  if (kib < 1024) return `${kib.toFixed(1)} KiB`
  const mib = kib / 1024
  return mib < 1024 ? `${mib.toFixed(1)} MiB` : `${(mib / 1024).toFixed(1)} GiB`
}

/** The last part of an image reference for narrow places; digests are cut to 12 characters. */
export function shortImage(image: string): string {
  const name = image
    .replace(/@sha256:([0-9a-f]{12})[0-9a-f]*$/, '@$1')
    .replace(/^sha256:([0-9a-f]{12}).*$/, '$1')
  return name.split('/').at(-1) ?? name
}
