/** Code of the app that did not come when it was asked for, and why. */

/** Whether something was thrown because a part's code or style could not be had; every browser has words of its own for it. */
export function isLostCode(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // Vite's words for a style; Chromium's, Firefox's and Safari's for a script.
  return /^Unable to preload CSS|dynamically imported module|Importing a module script failed/i.test(
    error.message,
  )
}

/** A style that was lost is not asked for again by what asked first, so it is put in by hand. Resolves when it is there. */
export async function restyle(error: unknown): Promise<void> {
  const path = /^Unable to preload CSS for (\/assets\/[\w.-]+\.css)$/.exec(
    error instanceof Error ? error.message : '',
  )?.[1]
  if (path === undefined) return
  const link = document.createElement('link')
  link.rel = 'stylesheet'
  link.href = path
  const loaded = new Promise((resolve, reject) => {
    link.addEventListener('load', resolve)
    link.addEventListener('error', () => {
      link.remove()
      reject(error instanceof Error ? error : new Error(String(error)))
    })
  })
  document.head.append(link)
  await loaded
}

/** Whether the gateway serves another build than the one that this page is of. Rejects when it does not answer. */
export async function wasUpdated(signal: AbortSignal): Promise<boolean> {
  const own = document.querySelector<HTMLScriptElement>('script[type="module"][src]')?.src
  if (own === undefined) return false
  const response = await fetch('/', {
    cache: 'no-cache',
    signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
  })
  if (!response.ok) throw new Error(`The gateway answered ${response.status}`)
  return !(await response.text()).includes(new URL(own).pathname)
}
