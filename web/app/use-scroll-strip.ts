import { useLayoutEffect, type RefObject } from 'react'

/**
 * For a row of links that may be wider than its room: keeps the current one in sight, and marks by `data-more` (`start`, `end`
 * or both) the sides on which there is more, for the style to say so.
 */
export function useScrollStrip(strip: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => (strip.current === null ? undefined : watchStrip(strip.current)), [strip])
}

function watchStrip(strip: HTMLElement): () => void {
  const watching = new AbortController()
  const show = (): void => {
    showCurrent(strip)
    markMore(strip)
  }
  show()
  const sizes = new ResizeObserver(show)
  sizes.observe(strip)
  // Another link becomes the current one, or one comes later, such as that to the approvals.
  const links = new MutationObserver(show)
  links.observe(strip, { subtree: true, childList: true, attributeFilter: ['aria-current'] })
  strip.addEventListener('scroll', () => markMore(strip), { passive: true, signal: watching.signal })
  return () => {
    watching.abort()
    sizes.disconnect()
    links.disconnect()
  }
}

/** Into the middle, so that its neighbours are seen too. */
function showCurrent(strip: HTMLElement): void {
  const link = strip.querySelector<HTMLElement>('[aria-current]')
  if (link === null) return
  const room = strip.getBoundingClientRect()
  const place = link.getBoundingClientRect()
  strip.scrollLeft += place.left + place.width / 2 - (room.left + room.width / 2)
}

function markMore(strip: HTMLElement): void {
  const after = strip.scrollWidth - strip.clientWidth - strip.scrollLeft
  const sides = [strip.scrollLeft > 1 ? 'start' : '', after > 1 ? 'end' : '']
  strip.dataset['more'] = sides.join(' ').trim()
}
