import { useEffect, type RefObject } from 'react'
import { isDialogOpen } from '../lib/use-hotkeys.ts'

const regions = ['terminal', 'panel', 'bar'] as const
const next = '[data-next] .primary'
const focusable = 'a[href],button:not(:disabled),input:not(:disabled),select,textarea,[tabindex="0"]'

/**
 * Puts the focus into the workspace's next region: from the terminal to the panel beside it if one is open, to the session's
 * bar, and back. From anywhere else, into the terminal. What there is to do next is marked by `data-next`.
 */
export function focusNextRegion(workspace: HTMLElement): void {
  const there = regions
    .map((name) => workspace.querySelector<HTMLElement>(`[data-region="${name}"]`))
    .filter((region) => region !== null)
  const present = there.findIndex((region) => region.contains(document.activeElement))
  for (let step = 1; step <= there.length; step++) {
    const region = there[(present + step) % there.length]
    const entry = region === undefined ? undefined : entryOf(region)
    if (entry === undefined) continue
    entry.focus()
    return
  }
}

function entryOf(region: HTMLElement): HTMLElement | undefined {
  const wanted = [next, '.xterm-helper-textarea', focusable]
  return wanted
    .flatMap((selector) => [...region.querySelectorAll<HTMLElement>(selector)])
    .find((element) => element.checkVisibility({ visibilityProperty: true }))
}

/** What there is to do next, where a session has ended. */
export function whatIsNext(): HTMLElement | null {
  return document.querySelector<HTMLElement>(next)
}

/** F6 beside the terminal; inside it the key comes as a command. */
export function useRegionKey(workspace: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== 'F6' || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey)
        return
      if (workspace.current === null || isDialogOpen()) return
      event.preventDefault()
      focusNextRegion(workspace.current)
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [workspace])
}
