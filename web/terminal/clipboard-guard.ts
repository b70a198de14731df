import { ClipboardAddon } from '@xterm/addon-clipboard'
import type { Terminal } from '@xterm/xterm'

// Base64 of 75 KB: more than anybody copies out of a terminal by a program.
const maxEncoded = 100_000
const clipboardOsc = 52

export interface ClipboardGuardOptions {
  /** False for replays and observers: old output has no say over today's clipboard. */
  allowed: () => boolean
  /** Asks the user, once. */
  confirm: (text: string) => Promise<boolean>
  refused: (why: string) => void
}

/**
 * OSC 52, one way: a program in the session may put text on the clipboard after the user agreed; it can never read
 * what is there.
 */
export function guardClipboard(terminal: Terminal, options: ClipboardGuardOptions): void {
  let agreed: Promise<boolean> | undefined
  const write = async (text: string) => {
    agreed ??= options.confirm(text)
    if (!(await agreed)) return
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      options.refused('The browser did not let the session write to the clipboard.')
    }
  }
  terminal.loadAddon(
    new ClipboardAddon(undefined, {
      readText: () => '',
      // Not awaited: the terminal's parser would stand still until the user has answered.
      writeText: (_selection, text) => void (text !== '' && write(text)),
    }),
  )
  // Registered later, so asked earlier than the addon's own handler.
  terminal.parser.registerOscHandler(clipboardOsc, (data) => {
    const content = data.slice(data.indexOf(';') + 1)
    if (!options.allowed() || content === '?') return true
    if (content.length <= maxEncoded) return false
    options.refused('The session tried to put more than 75 KB on your clipboard. It was refused.')
    return true
  })
}
