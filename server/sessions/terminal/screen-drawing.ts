import type { Terminal } from '@xterm/headless'
import { drawLines, erasedStyleOf, styleOf, type Attributes } from './drawn-lines.ts'
import { parseNow, screenTerminal } from './screen-terminal.ts'
import { UnfinishedSequence } from './unfinished-sequence.ts'

/** A snapshot has to fit into what may wait for a viewer, beside the output that follows it. */
const maxDrawnBytes = 2 * 1024 * 1024
const maxTitle = 200

// The parts of xterm.js 6.0.0 (pinned) that have no public name.
type Charset = Readonly<Record<string, string>>

export interface InnerBuffer {
  x: number
  y: number
  ybase: number
  scrollTop: number
  scrollBottom: number
  savedX: number
  savedY: number
  savedCurAttrData: Attributes
  savedCharset: Charset | undefined
  tabs: Readonly<Record<number, boolean | undefined>>
}

interface Core {
  buffers: { active: InnerBuffer; normal: InnerBuffer; alt: InnerBuffer }
  coreService: {
    modes: { insertMode: boolean }
    isCursorHidden: boolean
    decPrivateModes: Readonly<Record<string, boolean>> & {
      cursorStyle: 'block' | 'underline' | 'bar' | undefined
      cursorBlink: boolean | undefined
    }
  }
  coreMouseService: { activeProtocol: string; activeEncoding: string }
  optionsService: { rawOptions: { convertEol: boolean } }
  _charsetService: { glevel: number; charset: Charset | undefined; _charsets: (Charset | undefined)[] }
  _inputHandler: {
    _curAttrData: Attributes
    _windowTitle: string
    _parser: { currentState: number; precedingJoinState: number }
  }
}

/** @internal What a terminal keeps to itself. */
export const coreOf = (terminal: Terminal) => (terminal as unknown as { _core: Core })._core

const csi = '\u001b['
const plain = '\u001b[0m'
const cursorTo = (x: number, y: number) => `${csi}${y + 1};${x + 1}H`

// DEC private modes that are off on a cleared terminal, by xterm.js's names.
const privateModes: Readonly<Record<string, number>> = {
  applicationCursorKeys: 1,
  reverseWraparound: 45,
  applicationKeypad: 66,
  sendFocus: 1004,
  bracketedPasteMode: 2004,
  synchronizedOutput: 2026,
}
const mouseProtocols: Readonly<Record<string, number>> = { X10: 9, VT200: 1000, DRAG: 1002, ANY: 1003 }
const mouseEncodings: Readonly<Record<string, number>> = { SGR: 1006, SGR_PIXELS: 1016 }
const cursorStyles = { block: 2, underline: 4, bar: 6 } as const
const graphicSets = ['(', ')', '*', '+']
const shifts = ['\u000f', '\u000e', '\u001bn', '\u001bo']

/** Draws one terminal for another of the same size that was cleared: all of its screen, and everything that output to come depends on. */
export class ScreenDrawing {
  readonly #terminal: Terminal
  readonly #core: Core
  readonly #unfinished = new UnfinishedSequence()

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    this.#core = coreOf(terminal)
  }

  /** These bytes were written. */
  wrote(bytes: Uint8Array): void {
    this.#unfinished.wrote(bytes, this.#core._inputHandler._parser.currentState === 0)
  }

  /** At most 2 MiB: the oldest lines are left out. */
  draw(): Buffer {
    const { active, alt, normal } = this.#core.buffers
    const { alternate, normal: lines } = this.#terminal.buffer
    const isAlternate = active === alt
    const above = isAlternate ? drawLines(alternate, this.#terminal, maxDrawnBytes) : ''
    const parts = [
      drawLines(lines, this.#terminal, maxDrawnBytes - Buffer.byteLength(above)),
      this.#buffer(normal),
    ]
    const altState = this.#buffer(alt)
    if (isAlternate) parts.push(`${csi}?1047h${csi}H`, above, altState)
    // What was saved there outlives the leaving of it.
    else if (altState !== '') parts.push(`${csi}?1047h`, altState, `${csi}?1047l`)
    parts.push(this.#modes(), this.#cursor(active))
    return Buffer.concat([Buffer.from(parts.join('')), this.#unfinished.bytes])
  }

  /** Tab stops, saved cursor and scroll region: each of the two buffers has its own. */
  #buffer(buffer: InnerBuffer): string {
    return this.#tabStops(buffer) + this.#savedCursor(buffer) + this.#region(buffer)
  }

  #tabStops({ tabs }: InnerBuffer): string {
    const { cols } = this.#terminal
    const stops = Array.from({ length: cols }, (_, x) => x).filter((x) => tabs[x] === true)
    if (stops.length === Math.ceil(cols / 8) && stops.every((x) => x % 8 === 0)) return ''
    return `${csi}3g${stops.map((x) => `${csi}${x + 1}G\u001bH`).join('')}`
  }

  #savedCursor({ savedX, savedY, ybase, savedCurAttrData, savedCharset }: InnerBuffer): string {
    const x = Math.min(savedX, this.#terminal.cols - 1)
    const y = Math.min(Math.max(savedY - ybase, 0), this.#terminal.rows - 1)
    const style = styleOf(savedCurAttrData)
    if (x === 0 && y === 0 && style === plain && savedCharset === undefined) return ''
    const set = charsetName(savedCharset)
    return `${cursorTo(x, y)}${style}\u001b(${set}\u001b7\u001b(B${plain}`
  }

  #region({ scrollTop, scrollBottom }: InnerBuffer): string {
    if (scrollTop === 0 && scrollBottom === this.#terminal.rows - 1) return ''
    return `${csi}${scrollTop + 1};${scrollBottom + 1}r`
  }

  #modes(): string {
    const { coreService, coreMouseService, optionsService, _inputHandler } = this.#core
    const { decPrivateModes } = coreService
    const on = Object.entries(privateModes).filter(([name]) => decPrivateModes[name] === true)
    const codes = [
      ...on.map(([, code]) => code),
      mouseProtocols[coreMouseService.activeProtocol],
      mouseEncodings[coreMouseService.activeEncoding],
    ].filter((code) => code !== undefined)
    const { cursorStyle, cursorBlink } = decPrivateModes
    // Control characters can't stand in the sequence that carries the title.
    const title = _inputHandler._windowTitle.replace(/\p{Cc}/gu, '').slice(0, maxTitle)
    return [
      ...codes.map((code) => `${csi}?${code}h`),
      // These two outlive a reset of the terminal.
      `${csi}?25${coreService.isCursorHidden ? 'l' : 'h'}`,
      `${csi}20${optionsService.rawOptions.convertEol ? 'h' : 'l'}`,
      cursorStyle === undefined
        ? ''
        : `${csi}${cursorStyles[cursorStyle] - (cursorBlink === true ? 1 : 0)} q`,
      title === '' ? '' : `\u001b]2;${title}\u0007`,
    ].join('')
  }

  /** The cursor and what it prints with. */
  #cursor(buffer: InnerBuffer): string {
    const { coreService, _inputHandler } = this.#core
    const isOrigin = coreService.decPrivateModes['origin'] === true
    // Turning it on moves the cursor, and rows then count from the region's.
    const y = isOrigin ? buffer.y - buffer.scrollTop : buffer.y
    const style = styleOf(_inputHandler._curAttrData)
    const sets = this.#charsets(buffer)
    const printed = this.#lastPrinted(buffer, y, style)
    const place = `${cursorTo(buffer.x, y)}${style}`
    return [
      isOrigin ? `${csi}?6h` : '',
      // A character that the set would turn into another is printed before it, where it has to be printed at all.
      sets.isRestored || printed?.isMapped !== true
        ? `${sets.text}${printed?.text ?? place}`
        : `${printed.text}${sets.text}`,
      coreService.modes.insertMode ? `${csi}4h` : '',
      coreService.decPrivateModes['wraparound'] === true ? '' : `${csi}?7l`,
    ].join('')
  }

  /** Behind the last column is only who has printed there; and what was printed last may be joined by what comes. */
  #lastPrinted(
    buffer: InnerBuffer,
    y: number,
    style: string,
  ): { text: string; isMapped: boolean } | undefined {
    const { cols } = this.#terminal
    if (buffer.x < cols && (this.#core._inputHandler._parser.precedingJoinState === 0 || buffer.x === 0))
      return undefined
    const line = this.#terminal.buffer.active.getLine(buffer.ybase + buffer.y)
    let x = Math.min(buffer.x, cols) - 1
    if (line?.getCell(x)?.getWidth() === 0) x--
    const cell = line?.getCell(x)
    if (cell === undefined) return undefined
    if (cell.getChars() === '' && buffer.x >= cols) {
      const erased = erasedStyleOf(cell as unknown as Attributes)
      return { text: `${cursorTo(cols - 1, y)}${erased} ${style}`, isMapped: false }
    }
    if (cell.getChars() === '' || x + cell.getWidth() !== buffer.x) return undefined
    const printed = styleOf(cell as unknown as Attributes)
    const chars = cell.getChars()
    const isMapped = this.#core._charsetService.charset?.[chars] !== undefined
    return { text: `${cursorTo(x, y)}${printed}${chars}${printed === style ? '' : style}`, isMapped }
  }

  /**
   * A restored cursor brings its character set without the slot that it is in (xterm.js 6.0.0): then it is restored here
   * too, and the cursor is placed after that.
   */
  #charsets({ x, savedCharset }: InnerBuffer): { text: string; isRestored: boolean } {
    const { glevel, charset, _charsets } = this.#core._charsetService
    const isOther = charset !== _charsets[glevel]
    const isRestored = isOther && charset === savedCharset && x < this.#terminal.cols
    const sets = graphicSets.map((intermediate, slot) => {
      const set = isOther && !isRestored && slot === glevel ? charset : _charsets[slot]
      return set === undefined ? '' : `\u001b${intermediate}${charsetName(set)}`
    })
    const shift = glevel === 0 ? '' : (shifts[glevel] ?? '')
    return { text: `${sets.join('')}${shift}${isRestored ? '\u001b8' : ''}`, isRestored }
  }
}

// All that xterm.js 6.0.0 knows.
const charsetFinals = ['0', 'A', '4', 'C', '5', 'R', 'Q', 'K', 'Y', 'E', '6', 'Z', 'H', '7', '=']
let charsetNames: Map<object, string> | undefined

/** The final character of the sequence that selects this character set. */
function charsetName(set: object | undefined): string {
  if (set === undefined) return 'B'
  charsetNames ??= new Map(
    charsetFinals.flatMap((final) => {
      const scratch = screenTerminal({ cols: 2, rows: 2, scrollback: 0 })
      parseNow(scratch, Buffer.from(`\u001b(${final}`))
      const { charset } = coreOf(scratch)._charsetService
      scratch.dispose()
      return charset === undefined ? [] : [[charset, final] as const]
    }),
  )
  return charsetNames.get(set) ?? 'B'
}
