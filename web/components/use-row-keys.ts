import { useEffect, type RefObject } from 'react'
import { useHotkeys } from '../use-hotkeys.ts'

const linkOf = (row: Element): HTMLAnchorElement | null => row.querySelector('a[data-row-link]')

/** Arrows and j/k between the rows of a table body; clicks anywhere in a row follow its link. */
export function useRowKeys(body: RefObject<HTMLTableSectionElement | null>): void {
  const move = (step: 1 | -1): void => {
    const links = [...(body.current?.rows ?? [])].map(linkOf).filter((link) => link !== null)
    const present = links.findIndex((link) => link.closest('tr')?.contains(document.activeElement) === true)
    const next = present === -1 ? (step === 1 ? 0 : links.length - 1) : present + step
    const link = links[next]
    if (link !== undefined) {
      link.focus()
      link.closest('tr')?.scrollIntoView({ block: 'nearest' })
    } else if (next < 0) {
      document.querySelector<HTMLElement>('[data-hotkey="/"]')?.focus()
    }
  }
  const down = (): void => move(1)
  const up = (): void => move(-1)
  useHotkeys({ j: down, k: up, ArrowDown: down, ArrowUp: up })

  useEffect(() => {
    const element = body.current
    if (element === null) return undefined
    const onSearchKey = (event: KeyboardEvent): void => {
      if (event.key !== 'ArrowDown' && event.key !== 'Enter') return
      if (!(event.target instanceof HTMLElement) || event.target.dataset['hotkey'] !== '/') return
      event.preventDefault()
      const first = element.rows[0]
      if (first === undefined) return
      if (event.key === 'Enter') linkOf(first)?.click()
      else linkOf(first)?.focus()
    }
    const onClick = (event: MouseEvent): void => {
      if (!(event.target instanceof Element) || event.defaultPrevented) return
      if (event.target.closest('a,button,input,summary,details') !== null) return
      if (getSelection()?.isCollapsed === false) return
      const link = linkOf(event.target.closest('tr') ?? element)
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
