/** One event: milliseconds since the start, code, data. */
export type CastEvent = [at: number, code: 'o' | 'r' | 'm', data: string]

export interface Cast {
  cols: number
  rows: number
  events: CastEvent[]
  markers: { seconds: number; label: string }[]
  /** Seconds from the start to the last event. */
  duration: number
}

const shownCodes = ['o', 'r', 'm']

/**
 * Reads an asciicast v3 (docs.asciinema.org/manual/asciicast/v3). A live recording may end in half a line, which is
 * left out, as is everything that is not shown: input, exit status, comments. Throws when it is not an asciicast v3.
 */
export function parseCast(text: string): Cast {
  const [first = '', ...lines] = text.split('\n')
  const { cols, rows } = readHeader(first)
  const events: CastEvent[] = []
  let at = 0
  for (const line of lines) {
    const event = readEvent(line)
    if (event === undefined) continue
    at += event.intervalMs
    if (isShown(event.code)) events.push([at, event.code, event.data])
  }
  // The player needs one event at least, and a last one where the recording ends.
  events.push([at, 'o', ''])
  const markers = events
    .filter(([, code]) => code === 'm')
    .map(([ms, , label]) => ({ seconds: ms / 1000, label }))
  return { cols, rows, events, markers, duration: at / 1000 }
}

/** Maps recorded time to played time and back, where pauses longer than a limit are cut to it. All in seconds. */
export class Timeline {
  readonly #gaps: { start: number; cut: number }[] = []

  constructor(cast: Cast, longestPause: number | undefined) {
    if (longestPause === undefined) return
    let previous = 0
    for (const [ms] of cast.events) {
      const at = ms / 1000
      const cut = at - previous - longestPause
      if (cut > 0) this.#gaps.push({ start: previous + longestPause, cut })
      previous = at
    }
  }

  /** When what was recorded at this second is played. */
  played(recorded: number): number {
    let shift = 0
    for (const { start, cut } of this.#gaps) {
      if (start >= recorded) break
      shift += Math.min(cut, recorded - start)
      // In what is left out nothing that follows it shows yet, though it is played at the same moment.
      if (recorded < start + cut) shift += 0.001
    }
    return recorded - shift
  }

  /** When what is played at this second was recorded. */
  recorded(played: number): number {
    let shift = 0
    for (const { start, cut } of this.#gaps) {
      if (start - shift >= played) break
      shift += cut
    }
    return played + shift
  }
}

function readHeader(line: string): { cols: number; rows: number } {
  let header: unknown
  try {
    header = JSON.parse(line)
  } catch {
    header = undefined
  }
  const { version, term } = (header ?? {}) as { version?: number; term?: { cols?: number; rows?: number } }
  if (version !== 3) throw new Error('This is not a recording in the asciicast v3 format.')
  return { cols: term?.cols ?? 80, rows: term?.rows ?? 24 }
}

function readEvent(line: string): { intervalMs: number; code: string; data: string } | undefined {
  if (!line.startsWith('[')) return undefined
  try {
    const [interval, code, data] = JSON.parse(line) as [unknown, unknown, unknown]
    if (typeof interval !== 'number' || typeof code !== 'string' || typeof data !== 'string') return undefined
    return { intervalMs: interval * 1000, code, data }
  } catch {
    return undefined
  }
}

function isShown(code: string): code is CastEvent[1] {
  return shownCodes.includes(code)
}
