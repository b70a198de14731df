/** How close the rows of lists stand. */
export type Density = 'roomy' | 'dense'

const key = 'hatchway.rows'
const listeners = new Set<() => void>()

export function chosenDensity(): Density {
  return document.documentElement.dataset['rows'] === 'dense' ? 'dense' : 'roomy'
}

/** Takes over what was chosen at an earlier visit. Before the first list is drawn. */
export function recallDensity(): void {
  try {
    if (localStorage.getItem(key) === 'dense') document.documentElement.dataset['rows'] = 'dense'
  } catch {
    // Storage is switched off: rows stand as they do by default.
  }
}

/** Applies it at once, in this tab and at the next visit. */
export function chooseDensity(density: Density): void {
  if (density === 'dense') document.documentElement.dataset['rows'] = density
  else delete document.documentElement.dataset['rows']
  try {
    if (density === 'dense') localStorage.setItem(key, density)
    else localStorage.removeItem(key)
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
  for (const listener of listeners) listener()
}

export function onDensityChange(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Of a row of one line, in pixels, as the style has it now. */
export function rowHeight(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--row')) || 40
}
