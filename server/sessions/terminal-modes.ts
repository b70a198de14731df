import type { Terminal } from '@xterm/headless'

/**
 * What @xterm/addon-serialize 0.14 leaves out of a screen: the hidden cursor, its shape, the mouse report's encoding,
 * the scroll region, the character sets and the window's title.
 */
export interface ModeMirror {
  /** Escape sequences that bring them back after a serialized screen. */
  restore(): string
}

// DEC private modes that the serializer does not write.
const mirroredModes = [25, 1005, 1006, 1015, 1016, 2026]
const offByDefault = (mode: number) => mode !== 25

// The parts of xterm 6.0.0 (pinned) that have no public name.
interface Internals {
  _core: {
    _charsetService: { glevel: number; _charsets: (object | undefined)[] }
    buffer: { scrollTop: number; scrollBottom: number }
  }
}

/** Watches a terminal from its beginning. */
export function mirrorModes(terminal: Terminal): ModeMirror {
  const set = new Map<number, boolean>()
  const charsets = new Map<number, string>()
  let cursorStyle = ''
  let title = ''
  const remember = (on: boolean) => (params: (number | number[])[]) => {
    for (const mode of params) if (typeof mode === 'number' && mirroredModes.includes(mode)) set.set(mode, on)
    return false
  }
  const { parser } = terminal
  parser.registerCsiHandler({ prefix: '?', final: 'h' }, remember(true))
  parser.registerCsiHandler({ prefix: '?', final: 'l' }, remember(false))
  parser.registerCsiHandler({ intermediates: ' ', final: 'q' }, (params) => {
    cursorStyle = `\u001b[${Number(params[0] ?? 0)} q`
    return false
  })
  const forget = () => {
    set.clear()
    charsets.clear()
    cursorStyle = ''
    return false
  }
  parser.registerCsiHandler({ intermediates: '!', final: 'p' }, forget)
  parser.registerEscHandler({ final: 'c' }, forget)
  for (const [slot, intermediates] of ['(', ')', '*', '+'].entries()) {
    for (const final of ['0', 'A', 'B']) {
      parser.registerEscHandler({ intermediates, final }, () => {
        charsets.set(slot, `\u001b${intermediates}${final}`)
        return false
      })
    }
  }
  terminal.onTitleChange((next) => {
    // Control characters can't stand in the sequence that carries the title.
    title = next.replace(/\p{Cc}/gu, '').slice(0, 200)
  })
  return { restore: () => restore(terminal, { set, charsets, cursorStyle, title }) }
}

interface Modes {
  set: Map<number, boolean>
  charsets: Map<number, string>
  cursorStyle: string
  title: string
}

function restore(terminal: Terminal, modes: Modes): string {
  const { buffer, _charsetService: charsetState } = (terminal as unknown as Internals)._core
  const { cursorX, cursorY } = terminal.buffer.active
  let out = ''
  if (buffer.scrollTop !== 0 || buffer.scrollBottom !== terminal.rows - 1) {
    // Setting the region moves the cursor home.
    out += `\u001b[${buffer.scrollTop + 1};${buffer.scrollBottom + 1}r\u001b[${cursorY + 1};${cursorX + 1}H`
  }
  for (const [mode, on] of modes.set) {
    if (on === offByDefault(mode)) out += `\u001b[?${mode}${on ? 'h' : 'l'}`
  }
  out += [...modes.charsets.values()].join('')
  if (charsetState.glevel === 1) out += '\u000e'
  if (modes.title !== '') out += `\u001b]2;${modes.title}\u0007`
  return out + modes.cursorStyle
}
