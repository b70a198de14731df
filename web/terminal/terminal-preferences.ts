/** How this browser likes its terminals. */
export interface TerminalPreferences {
  fontSize: number
  screenReader: boolean
  /** Colours as programs ask for them, also where they can hardly be read. */
  exactColours: boolean
}

const key = 'hatchway.terminal'
export const fontSizes = { smallest: 8, normal: 14, largest: 32 } as const

export function readPreferences(): TerminalPreferences {
  const preferences = { fontSize: fontSizes.normal as number, screenReader: false, exactColours: false }
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? '{}')
    if (typeof stored !== 'object' || stored === null) return preferences
    if ('fontSize' in stored) preferences.fontSize = clampFontSize(Number(stored.fontSize))
    if ('screenReader' in stored) preferences.screenReader = stored.screenReader === true
    if ('exactColours' in stored) preferences.exactColours = stored.exactColours === true
  } catch {
    // Switched off or not ours: the defaults are fine.
  }
  return preferences
}

export function savePreferences(preferences: TerminalPreferences): void {
  try {
    localStorage.setItem(key, JSON.stringify(preferences))
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
}

/** Whole pixels between the smallest and the largest. */
export function clampFontSize(size: number): number {
  if (!Number.isFinite(size)) return fontSizes.normal
  return Math.round(Math.min(fontSizes.largest, Math.max(fontSizes.smallest, size)))
}
