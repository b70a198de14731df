import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon, type ISearchOptions } from '@xterm/addon-search'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import { Terminal } from '@xterm/xterm'
import type { TerminalSize } from '../../server/protocol/session-api.ts'
import { guardTerminal } from '../../server/protocol/screen-guards.ts'
import type { Role } from '../../server/protocol/terminal.ts'
import { guardClipboard } from './clipboard-guard.ts'
import { DrawQueue } from './draw-queue.ts'
import { addGpuRenderer } from './gpu-renderer.ts'
import type { OutputPart } from './output-ledger.ts'
import { plainTitle } from './plain-title.ts'
import { QueryGuard } from './query-guard.ts'
import { readKey, type TerminalCommand } from './terminal-keys.ts'
import { addLinks } from './terminal-links.ts'
import { clampFontSize, type TerminalPreferences } from './terminal-preferences.ts'
import { terminalTheme, watchTheme } from '../lib/terminal-theme.ts'

const resizeAfterMs = 80
const scrollbackLines = 5000
/** WCAG 2.2, success criterion 1.4.3: what text needs to be read. 1 changes no colour. */
const contrastRatio = (exactColours: boolean) => (exactColours ? 1 : 4.5)
const size = { smallest: 2, largest: 1000 } as const

/** What a terminal on the screen asks of the page around it. */
export interface TerminalViewHost {
  /** Bytes typed, pasted, or answered by the terminal. */
  onInput(bytes: Uint8Array): void
  onPaste(text: string): void
  /** The room that there is, once it has been the same for a moment. */
  onRoom(size: TerminalSize): void
  onTitle(title: string): void
  onCommand(command: TerminalCommand): void
  /** The address under the pointer. */
  onLinkHint(text: string | undefined): void
  onSearchResult(found: { index: number; count: number }): void
  onClipboardRefused(why: string): void
  confirmClipboard(text: string): Promise<boolean>
}

/** One xterm.js with everything around it. Its element moves between pages and keeps the screen. */
export class TerminalView {
  readonly element = document.createElement('div')
  readonly #host: TerminalViewHost
  readonly #terminal: Terminal
  readonly #queue: DrawQueue
  readonly #fit = new FitAddon()
  readonly #search = new SearchAddon()
  readonly #guard: QueryGuard
  readonly #life = new AbortController()
  readonly #encoder = new TextEncoder()
  #role: Role = 'controller'
  #answers = false
  #answersNext = false
  #fontSize: number
  #roomTimer: ReturnType<typeof setTimeout> | undefined

  constructor(host: TerminalViewHost, preferences: TerminalPreferences) {
    this.#host = host
    this.#fontSize = preferences.fontSize
    this.#terminal = new Terminal({
      allowProposedApi: true,
      cursorBlink: true,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono') || 'monospace',
      fontSize: preferences.fontSize,
      lineHeight: 1.15,
      // What a program prints is no error of this page: a binary file would fill the console, and slowly.
      logLevel: 'off',
      macOptionIsMeta: true,
      minimumContrastRatio: contrastRatio(preferences.exactColours),
      screenReaderMode: preferences.screenReader,
      scrollback: scrollbackLines,
      theme: terminalTheme(),
    })
    this.#queue = new DrawQueue(this.#terminal)
    this.element.className = 'ws-terminal-view'
    this.#guard = new QueryGuard(this.#terminal, () => !this.#answers)
    this.#open()
    this.#listen()
  }

  /** Draws one part of the output; `drawn` comes when the parser is through with it, never when {@link clear} came first. */
  write(part: OutputPart, drawn: () => void): void {
    this.#answer(part.answer && this.#role === 'controller')
    this.#queue.push(part.bytes, drawn)
  }

  /** Empties the terminal, without drawing what still waits, and gives it the size of what comes. */
  clear(wanted: TerminalSize): void {
    this.#answersNext = false
    this.#queue.replace(() => {
      this.#answers = false
      this.#terminal.reset()
      this.#terminal.resize(wanted.cols, wanted.rows)
    })
  }

  /** An observer types nothing, answers nothing, and sees the controller's size. */
  setRole(role: Role): void {
    this.#role = role
    this.#terminal.options.disableStdin = role === 'observer'
    this.fit()
  }

  /** The controller's size, for an observer. */
  setSize(wanted: TerminalSize): void {
    if (this.#role !== 'observer') return
    this.#queue.run(() => {
      this.#terminal.resize(wanted.cols, wanted.rows)
      this.fit()
    })
  }

  /** Uses all room; an observer's letters shrink instead until the controller's screen has room. */
  fit(): void {
    if (this.element.clientWidth === 0 || this.element.clientHeight === 0) return
    if (this.#role === 'observer') this.#shrinkToFit()
    else {
      this.#terminal.options.fontSize = this.#fontSize
      const room = this.#room()
      if (room === undefined) return
      this.#terminal.resize(room.cols, room.rows)
      this.#host.onRoom(room)
    }
  }

  /** The same, after all that was written before: a screen that was drawn for another size is complete first. */
  fitAfterOutput(): void {
    this.#queue.run(() => this.fit())
  }

  focus(): void {
    this.#terminal.focus()
  }

  /** Stops taking input for good; what is on the screen stays, and can be scrolled, searched and copied. */
  freeze(): void {
    this.#terminal.options.disableStdin = true
    this.#terminal.options.cursorBlink = false
    this.#terminal.options.cursorInactiveStyle = 'none'
    this.#terminal.blur()
  }

  get bracketedPaste(): boolean {
    return this.#terminal.modes.bracketedPasteMode
  }

  /** Arrow keys have two forms; the program chooses. */
  get applicationCursor(): boolean {
    return this.#terminal.modes.applicationCursorKeysMode
  }

  get hasSelection(): boolean {
    return this.#terminal.hasSelection()
  }

  async copySelection(): Promise<void> {
    const text = this.#terminal.getSelection()
    if (text === '') return
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      // Without TLS there is no clipboard API; the terminal's own copy listener serves this.
      document.execCommand('copy')
    }
    this.#terminal.clearSelection()
  }

  /** From the end upwards: what was printed last is mostly what is looked for. */
  findNewest(text: string): void {
    this.#terminal.clearSelection()
    this.find(text, 'previous')
  }

  find(text: string, direction: 'next' | 'previous', options: ISearchOptions = {}): void {
    const all = { ...options, decorations: searchDecorations }
    if (text === '') this.#search.clearDecorations()
    else if (direction === 'next') this.#search.findNext(text, all)
    else this.#search.findPrevious(text, all)
  }

  setFontSize(wanted: number): void {
    this.#fontSize = clampFontSize(wanted)
    this.fit()
  }

  setExactColours(exactColours: boolean): void {
    this.#terminal.options.minimumContrastRatio = contrastRatio(exactColours)
  }

  setScreenReader(on: boolean): void {
    this.#terminal.options.screenReaderMode = on
  }

  dispose(): void {
    this.#life.abort()
    clearTimeout(this.#roomTimer)
    this.#queue.drop()
    this.#guard.dispose()
    this.#terminal.dispose()
    this.element.remove()
  }

  #open(): void {
    const terminal = this.#terminal
    terminal.loadAddon(this.#fit)
    terminal.loadAddon(this.#search)
    terminal.loadAddon(new UnicodeGraphemesAddon())
    guardTerminal(terminal, { links: true })
    addLinks(terminal, (text) => this.#host.onLinkHint(text))
    guardClipboard(terminal, {
      allowed: () => this.#answers,
      confirm: (text) => this.#host.confirmClipboard(text),
      refused: (why) => this.#host.onClipboardRefused(why),
    })
    terminal.open(this.element)
    addGpuRenderer(terminal)
    // Android's keyboards type suggested words twice otherwise (xterm.js issue 3600).
    for (const [name, value] of Object.entries({
      autocomplete: 'off',
      autocorrect: 'off',
      spellcheck: 'false',
      'aria-description': 'F6 leads out of the terminal and back.',
    })) {
      terminal.textarea?.setAttribute(name, value)
    }
  }

  #listen(): void {
    const terminal = this.#terminal
    const { signal } = this.#life
    terminal.onData((data) => {
      if (!this.#guard.swallows(data)) this.#host.onInput(this.#encoder.encode(data))
    })
    terminal.onBinary((data) => this.#host.onInput(Uint8Array.from(data, (char) => char.charCodeAt(0))))
    terminal.onTitleChange((title) => this.#host.onTitle(plainTitle(title)))
    this.#search.onDidChangeResults(({ resultIndex, resultCount }) =>
      this.#host.onSearchResult({ index: resultIndex, count: resultCount }),
    )
    terminal.attachCustomKeyEventHandler((event) => this.#handleKey(event))
    // Before xterm.js's own listeners: it would type the text unasked and unlimited.
    this.element.addEventListener('paste', (event) => this.#handlePaste(event), { capture: true, signal })
    watchTheme(() => (terminal.options.theme = terminalTheme()), signal)
    const observer = new ResizeObserver(() => {
      clearTimeout(this.#roomTimer)
      this.#roomTimer = setTimeout(() => this.fit(), resizeAfterMs)
    })
    observer.observe(this.element)
    signal.addEventListener('abort', () => observer.disconnect())
  }

  #handleKey(event: KeyboardEvent): boolean {
    // Where nothing is typed, Tab leads on as everywhere else.
    if (event.key === 'Tab' && this.#terminal.options.disableStdin === true) return false
    const meaning = readKey(event, this.#terminal.hasSelection())
    if (meaning === undefined) return true
    if (meaning.kind === 'native') return false
    if (event.type === 'keydown') this.#host.onCommand(meaning)
    if (meaning.kind === 'interrupt') return true
    event.preventDefault()
    return false
  }

  #handlePaste(event: ClipboardEvent): void {
    event.preventDefault()
    event.stopPropagation()
    const text = event.clipboardData?.getData('text/plain') ?? ''
    if (text !== '' && !this.#terminal.options.disableStdin) this.#host.onPaste(text)
  }

  /** The parser is behind the wire: what holds for the next bytes may be set only when it gets there. */
  #answer(answers: boolean): void {
    if (this.#answersNext === answers) return
    this.#answersNext = answers
    this.#queue.run(() => (this.#answers = answers))
  }

  #room(): TerminalSize | undefined {
    const room = this.#fit.proposeDimensions()
    if (room === undefined || Number.isNaN(room.cols) || Number.isNaN(room.rows)) return undefined
    const clamp = (count: number) => Math.min(size.largest, Math.max(size.smallest, count))
    return { cols: clamp(room.cols), rows: clamp(room.rows) }
  }

  #shrinkToFit(): void {
    const { cols, rows } = this.#terminal
    this.#terminal.options.fontSize = this.#fontSize
    const room = this.#room()
    if (room === undefined) return
    const scale = Math.min(1, room.cols / cols, room.rows / rows)
    if (scale < 1) this.#terminal.options.fontSize = Math.max(5, Math.floor(this.#fontSize * scale))
  }
}

const searchDecorations = {
  matchBackground: '#6b5a1e',
  matchOverviewRuler: '#e8b45a',
  activeMatchBackground: '#b97a00',
  activeMatchColorOverviewRuler: '#ffd48a',
}
