import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import headless, { type Terminal } from '@xterm/headless'
import { guardTerminal } from '../../protocol/screen-guards.ts'

/** Cells of scrollback: 1,000 lines of up to 400 columns, fewer of wider ones. */
const scrollbackCells = 400_000

/** A terminal without a screen that draws as the browser's does, with the same bounds. */
export function screenTerminal(size: { cols: number; rows: number; scrollback: number }): Terminal {
  const { cols, rows } = size
  const terminal = new headless.Terminal({
    cols,
    rows,
    scrollback: Math.min(size.scrollback, Math.floor(scrollbackCells / cols)),
    allowProposedApi: true,
    logLevel: 'off',
  })
  // The browser measures characters in the same way; otherwise lines with emoji would wrap elsewhere.
  terminal.loadAddon(new UnicodeGraphemesAddon())
  guardTerminal(terminal, { links: false })
  return terminal
}

// xterm.js 6.0.0 (pinned) has it without a public name.
interface Internals {
  _core: { writeSync(bytes: Uint8Array): void }
}

/** Parses at once, so that a step's time is its own. Nothing here is asynchronous, which it could not do. */
export function parseNow(terminal: Terminal, bytes: Uint8Array): void {
  ;(terminal as unknown as Internals)._core.writeSync(bytes)
}
