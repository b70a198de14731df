import type { ITheme } from '@xterm/xterm'

const dark: ITheme = {
  background: '#0a0d10',
  foreground: '#dfe6ea',
  cursor: '#4cc3d9',
  cursorAccent: '#0a0d10',
  selectionBackground: '#2c5560',
  selectionInactiveBackground: '#3a5f6b',
  scrollbarSliderBackground: '#59656f66',
  scrollbarSliderHoverBackground: '#59656f99',
  scrollbarSliderActiveBackground: '#59656fcc',
  black: '#1a2025',
  red: '#ff8a80',
  green: '#62c98d',
  yellow: '#e8b45a',
  blue: '#79b8ff',
  magenta: '#d3a4f9',
  cyan: '#4cc3d9',
  white: '#c9d2d8',
  brightBlack: '#7d8a94',
  brightRed: '#ffb3ab',
  brightGreen: '#8fe0b0',
  brightYellow: '#ffd48a',
  brightBlue: '#a6d0ff',
  brightMagenta: '#e5c6ff',
  brightCyan: '#8ae0ee',
  brightWhite: '#ffffff',
}

const light: ITheme = {
  background: '#ffffff',
  foreground: '#14191d',
  cursor: '#08687e',
  cursorAccent: '#ffffff',
  selectionBackground: '#bfe3ec',
  selectionInactiveBackground: '#a9d3df',
  scrollbarSliderBackground: '#8a959e66',
  scrollbarSliderHoverBackground: '#8a959e99',
  scrollbarSliderActiveBackground: '#8a959ecc',
  black: '#14191d',
  red: '#b3261e',
  green: '#187241',
  yellow: '#855300',
  blue: '#1a5fb4',
  magenta: '#7b2fa8',
  cyan: '#08687e',
  white: '#5a6670',
  brightBlack: '#5f6b75',
  brightRed: '#c7372d',
  brightGreen: '#1e8a4f',
  brightYellow: '#9a6200',
  brightBlue: '#2470cf',
  brightMagenta: '#9140c4',
  brightCyan: '#0a7c95',
  brightWhite: '#3b454d',
}

/** What a page sets on the document's root to choose a theme; without it the system's choice holds. */
const themeAttribute = 'data-theme'

/** The terminal's colours for the app's present theme. */
export function terminalTheme(): ITheme {
  const chosen = document.documentElement.getAttribute(themeAttribute)
  const isDark = chosen === null ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark'
  return isDark ? dark : light
}

const palette = [
  'black',
  'red',
  'green',
  'yellow',
  'blue',
  'magenta',
  'cyan',
  'white',
  'brightBlack',
  'brightRed',
  'brightGreen',
  'brightYellow',
  'brightBlue',
  'brightMagenta',
  'brightCyan',
  'brightWhite',
] as const

/** The same colours as custom properties `<prefix>-foreground`, `<prefix>-background` and `<prefix>-0` to `-15`. */
export function themeProperties(prefix: string, theme: ITheme): Record<string, string> {
  const colours = palette.map((name, index) => [`${prefix}-${index}`, theme[name] ?? ''])
  return {
    ...Object.fromEntries(colours),
    [`${prefix}-foreground`]: theme.foreground ?? '',
    [`${prefix}-background`]: theme.background ?? '',
  }
}

/** Calls back when the app's theme or the system's changes, until the signal aborts. */
export function watchTheme(changed: () => void, signal: AbortSignal): void {
  const observer = new MutationObserver(changed)
  observer.observe(document.documentElement, { attributeFilter: [themeAttribute] })
  signal.addEventListener('abort', () => observer.disconnect())
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed, { signal })
}
