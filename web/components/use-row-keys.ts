import { useEffect, type RefObject } from 'react'
import { useHotkeys } from '../lib/use-hotkeys.ts'

const linkOf = (row: Element | null): HTMLAnchorElement | null =>
  row?.querySelector<HTMLAnchorElement>('a[data-row-link]') ?? null

const isDeadEnd = (row: Element | null): boolean => row !== null && linkOf(row) === null

/** How long a row that has to be scrolled to may take to be drawn. */
const drawnWithinFrames = 20

/** Follows the link of the first row that is drawn. Does nothing where there is no row, or it leads nowhere. */
export function openFirstRow(): void {
  linkOf(document.querySelector('tr[data-index]'))?.click()
}

interface RowKeys {
  /** Rows that there are, drawn or not. */
  count: number
  /** Scrolls a row into sight that is not drawn. */
  reveal: (index: number) => void
}

/** Arrows and j/k between the rows of a table body; clicks anywhere in a row follow its link. */
export function useRowKeys(
  body: RefObject<HTMLTableSectionElement | null>,
  { count, reveal }: RowKeys,
): void {
  const rowAt = (index: number) => body.current?.querySelector(`tr[data-index="${index}"]`) ?? null
  const focusRow = (index: number, frames = drawnWithinFrames): void => {
    const link = linkOf(rowAt(index))
    if (link !== null) {
      link.focus({ preventScroll: true })
      link.closest('tr')?.scrollIntoView({ block: 'nearest' })
    } else if (frames > 0) {
      if (frames === drawnWithinFrames) reveal(index)
      requestAnimationFrame(() => focusRow(index, frames - 1))
    }
  }
  const move = (step: 1 | -1): void => {
    const present = document.activeElement?.closest<HTMLElement>('tr[data-index]')
    const isHere = present !== null && present !== undefined && body.current?.contains(present) === true
    let next = isHere ? Number(present.dataset['index']) + step : step === 1 ? 0 : count - 1
    // What is drawn and leads nowhere is passed over.
    while (next >= 0 && next < count && isDeadEnd(rowAt(next))) next += step
    if (next >= 0 && next < count) focusRow(next)
    else if (next < 0) document.querySelector<HTMLElement>('[data-hotkey="/"]')?.focus()
  }
  const down = (): void => move(1)
  const up = (): void => move(-1)
  useHotkeys({ j: down, k: up, ArrowDown: down, ArrowUp: up })

  useEffect(() => {
    const element = body.current
    if (element === null) return undefined
    const onSearchKey = (event: KeyboardEvent): void => {
      if (event.key !== 'ArrowDown') return
      if (!(event.target instanceof HTMLElement) || event.target.dataset['hotkey'] !== '/') return
      event.preventDefault()
      linkOf(element.querySelector('tr[data-index]'))?.focus()
    }
    const onClick = (event: MouseEvent): void => {
      if (!(event.target instanceof Element) || event.defaultPrevented) return
      if (event.target.closest('a,button,input,summary,details') !== null) return
      if (getSelection()?.isCollapsed === false) return
      const link = linkOf(event.target.closest('tr'))
      if (link === null) return
      if (event.ctrlKey || event.metaKey) window.open(link.href, '_blank')
      else link.click()
    }
    document.addEventListener('keydown', onSearchKey)
    element.addEventListener('click', onClick)
    return () => {
      document.removeEventListener('keydown', onSearchKey)
      element.removeEventListener('click', onClick)
    }
  }, [body])
}
