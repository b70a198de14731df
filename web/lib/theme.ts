export type Theme = 'auto' | 'dark' | 'light'

const key = 'hatchway.theme'

/** What the user chose; `head/theme.js` reads the same key before the first paint. */
export function chosenTheme(): Theme {
  const { theme } = document.documentElement.dataset
  return theme === 'dark' || theme === 'light' ? theme : 'auto'
}

/** Applies it at once, in this tab and at the next visit. Fires `hatchway-theme` on the document. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
  try {
    if (theme === 'auto') localStorage.removeItem(key)
    else localStorage.setItem(key, theme)
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
  document.dispatchEvent(new CustomEvent('hatchway-theme'))
}
