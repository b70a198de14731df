// The theme that the user chose, before the first paint. Without a choice CSS follows the system.
try {
  const theme = localStorage.getItem('hatchway.theme')
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme
} catch {
  // Storage is switched off: the system's theme it is.
}
