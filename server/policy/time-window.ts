export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof weekdays)[number]

/** When a rule holds, by the clock on the wall of one place. Absent parts mean every day, all day. */
export interface TimeWindow {
  days?: readonly Weekday[]
  /** Minutes since midnight, the end not included. An end at or before its start is on the next day. */
  hours?: readonly { from: number; to: number }[]
  /** IANA name. */
  timeZone: string
}

interface WallClock {
  day: number
  minute: number
}

const dayMinutes = 24 * 60

/** Reads `09:00-17:30`; `24:00` may be an end. Undefined when it is no such range. */
export function parseHours(text: string): { from: number; to: number } | undefined {
  const parts = /^(\d{2}):(\d{2})-(\d{2}):(\d{2})$/.exec(text)
  if (parts === null) return undefined
  const [, fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = parts.map(Number)
  if (fromHour > 23 || fromMinute > 59 || toMinute > 59) return undefined
  if (toHour > 24 || (toHour === 24 && toMinute > 0)) return undefined
  const from = fromHour * 60 + fromMinute
  const to = toHour * 60 + toMinute
  return from === to ? undefined : { from, to }
}

/** Whether this runtime's time zone database knows the name. */
export function isTimeZone(name: string): boolean {
  // Offsets such as +01:00 are accepted by Intl too, and know no summer time.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

/** Ready to be asked: each zone's clock is read once a minute, however many windows go by it. */
export function compileWindow(window: TimeWindow): (at: Date) => boolean {
  const zone = zoneOf(window.timeZone)
  const named = window.days ?? weekdays
  const days = weekdays.map((day) => named.includes(day))
  const hours = window.hours ?? [{ from: 0, to: dayMinutes }]
  return (at) => {
    const { day, minute } = wallClock(zone, at)
    for (const { from, to } of hours) {
      // Over midnight it belongs to the day on which it begins.
      const begun = days[day] === true && minute >= from
      if (from < to ? begun && minute < to : begun || (days[(day + 6) % 7] === true && minute < to))
        return true
    }
    return false
  }
}

/** `mon–fri 09:00-17:00 Europe/Berlin`, for people. */
export function formatWindow({ days, hours, timeZone }: TimeWindow): string {
  const clock = (minutes: number) =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
  const parts = [
    days?.join(', ') ?? 'every day',
    hours?.map(({ from, to }) => `${clock(from)}-${clock(to)}`).join(', ') ?? 'all day',
    timeZone,
  ]
  return parts.join(' ')
}

interface Zone {
  format: Intl.DateTimeFormat
  minute: number
  clock: WallClock
}

const zones = new Map<string, Zone>()

function zoneOf(timeZone: string): Zone {
  let zone = zones.get(timeZone)
  if (zone === undefined) {
    const format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
    zone = { format, minute: Number.NaN, clock: { day: 0, minute: 0 } }
    zones.set(timeZone, zone)
  }
  return zone
}

/** Ten thousand rules ask for the same minute of the same few zones, and Intl takes microseconds for each answer. */
function wallClock(zone: Zone, at: Date): WallClock {
  const minute = Math.floor(at.getTime() / 60_000)
  if (zone.minute !== minute) {
    zone.clock = readClock(zone.format, at)
    zone.minute = minute
  }
  return zone.clock
}

function readClock(format: Intl.DateTimeFormat, at: Date): WallClock {
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
  const day = weekdays.findIndex((name) => name === parts['weekday']?.toLowerCase())
  return { day, minute: Number(parts['hour']) * 60 + Number(parts['minute']) }
}
