const unitsMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const

/** Reads `90d`, `1h`, `1h30m` or `45s` into milliseconds; undefined when it is not a positive duration. */
export function parseDuration(text: string): number | undefined {
  const parts = /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/.exec(text)
  if (parts === null) return undefined
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = parts
  const ms =
    Number(days) * unitsMs.d +
    Number(hours) * unitsMs.h +
    Number(minutes) * unitsMs.m +
    Number(seconds) * unitsMs.s
  return ms > 0 ? ms : undefined
}

/** The inverse of {@link parseDuration}, rounded to seconds: `5400000` is `1h30m`. */
export function formatDuration(ms: number): string {
  let rest = Math.max(0, Math.round(ms / 1000)) * 1000
  let text = ''
  for (const [unit, size] of Object.entries(unitsMs)) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) text += `${count}${unit}`
  }
  return text === '' ? '0s' : text
}
