import { useEffect, useRef } from 'react'

/** Keys as `KeyboardEvent.key`; `mod+k` is Ctrl-K or Cmd-K. */
export type Hotkeys = Readonly<Record<string, (event: KeyboardEvent) => void>>

/**
 * Page-wide keys. Plain keys are left alone while somebody types or a dialog is open, and everything but Cmd-K
 * inside a terminal belongs to the shell.
 */
export function useHotkeys(hotkeys: Hotkeys): void {
  const current = useRef(hotkeys)
  useEffect(() => {
    current.current = hotkeys
  })
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.altKey) return
      const element = event.target instanceof HTMLElement ? event.target : document.body
      const isMod = event.ctrlKey || event.metaKey
      if (element.closest('.xterm') !== null && !event.metaKey) return
      if (!isMod && (isTyping(element) || isDialogOpen())) return
      const action = current.current[`${isMod ? 'mod+' : ''}${event.key}`]
      if (action === undefined) return
      event.preventDefault()
      action(event)
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
}

const openDialog = ':is([role="dialog"],[role="alertdialog"]):not([data-closed],.toast)'

/** Whether the keys belong to a dialog. One that fades away has given them back; a toast has the role, but never the keys. */
export function isDialogOpen(): boolean {
  return document.querySelector(openDialog) !== null
}

function isTyping(element: HTMLElement): boolean {
  return element.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(element.tagName)
}
