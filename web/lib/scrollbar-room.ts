/**
 * Notes how wide the page's scroll bar is, `--scrollbar` in CSS: 0 where it lies over the page. Before anything is drawn, since
 * it is measured by the room that the empty page keeps for it.
 */
export function noteScrollbarRoom(): void {
  const { documentElement } = document
  const room = innerWidth - documentElement.getBoundingClientRect().width
  documentElement.style.setProperty('--scrollbar', `${Math.max(0, room)}px`)
}
