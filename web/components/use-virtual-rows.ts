import { defaultRangeExtractor, useWindowVirtualizer, type Range } from '@tanstack/react-virtual'
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from 'react'
import { onDensityChange, rowHeight } from '../lib/density.ts'

/** Shorter tables are drawn as a whole: the browser's own search finds everything in them. */
const wholeRows = 60
/** Above and below what can be seen, so that the next row is there when a key asks for it. */
const overscan = 12
/** What covers the page's upper end: the bar and the table's head. */
const coveredPx = 88

export interface DrawnRow {
  index: number
  /** Empty room before it, in pixels: rows that are not drawn. */
  gap: number
}

export interface VirtualRows {
  drawn: readonly DrawnRow[]
  /** Empty room behind the last one, in pixels. */
  gapBehind: number
  /** Of a row that is drawn, to learn its height. */
  measure: ((row: HTMLTableRowElement | null) => void) | undefined
  /** Scrolls until the row is in sight, and so drawn. */
  reveal: (index: number) => void
}

/** Which rows of a long table are drawn: what the window shows, a few more, and the one that has the focus. */
export function useVirtualRows(body: RefObject<HTMLTableSectionElement | null>, count: number): VirtualRows {
  const isVirtual = count > wholeRows
  const [scrollMargin, setScrollMargin] = useState(0)
  const focused = useFocusedRow(body)
  // oxlint-disable-next-line react/incompatible-library -- nothing here is compiled to remember what it drew
  const virtualizer = useWindowVirtualizer<HTMLTableRowElement>({
    count,
    enabled: isVirtual,
    estimateSize: rowHeight,
    overscan,
    scrollMargin,
    scrollPaddingStart: coveredPx,
    rangeExtractor: useCallback(
      (range: Range) => {
        const rows = defaultRangeExtractor(range)
        const own = focused.current
        if (own === undefined || own >= range.count || rows.includes(own)) return rows
        return own < (rows[0] ?? 0) ? [own, ...rows] : [...rows, own]
      },
      [focused],
    ),
  })
  useEffect(() => onDensityChange(() => virtualizer.measure()), [virtualizer])
  // What stands above the table comes and goes, and the page's height with it.
  useLayoutEffect(() => {
    if (!isVirtual) return undefined
    const look = (): void => {
      const top = body.current?.getBoundingClientRect().top ?? 0
      setScrollMargin(Math.round(top + window.scrollY))
    }
    look()
    const observer = new ResizeObserver(look)
    observer.observe(document.body)
    return () => observer.disconnect()
  }, [body, isVirtual])
  if (!isVirtual) {
    const drawn = Array.from({ length: count }, (_, index) => ({ index, gap: 0 }))
    return { drawn, gapBehind: 0, measure: undefined, reveal: () => undefined }
  }
  let end = scrollMargin
  const drawn = virtualizer.getVirtualItems().map(({ index, start, end: next }) => {
    const gap = Math.max(0, start - end)
    end = next
    return { index, gap }
  })
  return {
    drawn,
    gapBehind: Math.max(0, virtualizer.getTotalSize() + scrollMargin - end),
    measure: virtualizer.measureElement,
    reveal: (index) => virtualizer.scrollToIndex(index),
  }
}

/** Which row the focus is in: it stays drawn when it is scrolled away, or the focus would be lost. */
function useFocusedRow(body: RefObject<HTMLTableSectionElement | null>): RefObject<number | undefined> {
  const focused = useRef<number>(undefined)
  useEffect(() => {
    const element = body.current
    if (element === null) return undefined
    const note = (event: FocusEvent): void => {
      const to = event.type === 'focusout' ? event.relatedTarget : event.target
      const row = to instanceof Element && element.contains(to) ? to.closest<HTMLElement>('tr') : null
      focused.current = row === null ? undefined : Number(row.dataset['index'])
    }
    element.addEventListener('focusin', note)
    element.addEventListener('focusout', note)
    return () => {
      element.removeEventListener('focusin', note)
      element.removeEventListener('focusout', note)
    }
  }, [body])
  return focused
}
