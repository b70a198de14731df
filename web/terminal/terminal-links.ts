import { WebLinksAddon } from '@xterm/addon-web-links'
import type { Terminal } from '@xterm/xterm'

/** Links in output, written out or hidden behind text (OSC 8): http and https only, opened by a modifier click. */
export function addLinks(terminal: Terminal, hint: (text: string | undefined) => void): void {
  const activate = (event: MouseEvent, address: string) => {
    if (!(event.ctrlKey || event.metaKey)) return
    if (isWebAddress(address)) window.open(address, '_blank', 'noopener,noreferrer')
  }
  const key = navigator.platform.startsWith('Mac') ? '⌘' : 'Ctrl'
  // The real address is shown, because the text of an OSC 8 link can say anything.
  const hover = (_event: MouseEvent, address: string) => hint(`${key}+click: ${address.slice(0, 300)}`)
  const leave = () => hint(undefined)
  terminal.options.linkHandler = { activate, hover, leave }
  terminal.loadAddon(new WebLinksAddon(activate, { hover, leave }))
}

function isWebAddress(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:')
}
