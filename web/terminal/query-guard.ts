import type { IDisposable, Terminal } from '@xterm/xterm'

const sendFocusMode = 1004
const focusReports = ['\u001B[I', '\u001B[O']

/**
 * Keeps a terminal from answering queries on its input while `silent` says so. A replayed query would otherwise be
 * answered a second time, into a shell that reads the answer as typed text (busybox ash asks for the cursor's
 * position at each prompt). Colours are still set, only questions about them are dropped.
 */
export class QueryGuard {
  readonly #silent: () => boolean
  readonly #handlers: IDisposable[]
  #focusReportDue = false

  constructor({ parser }: Terminal, silent: () => boolean) {
    this.#silent = silent
    const isQuestion = (data: string) => silent() && data.split(';').includes('?')
    this.#handlers = [
      // DSR: status, cursor position, colour scheme.
      parser.registerCsiHandler({ final: 'n' }, silent),
      parser.registerCsiHandler({ prefix: '?', final: 'n' }, silent),
      // DA1, DA2, DA3.
      parser.registerCsiHandler({ final: 'c' }, silent),
      parser.registerCsiHandler({ prefix: '>', final: 'c' }, silent),
      parser.registerCsiHandler({ prefix: '=', final: 'c' }, silent),
      // DECREQTPARM.
      parser.registerCsiHandler({ final: 'x' }, silent),
      // DECRQM, ANSI and private.
      parser.registerCsiHandler({ intermediates: '$', final: 'p' }, silent),
      parser.registerCsiHandler({ prefix: '?', intermediates: '$', final: 'p' }, silent),
      // XTVERSION, kitty keyboard flags.
      parser.registerCsiHandler({ prefix: '>', final: 'q' }, silent),
      parser.registerCsiHandler({ prefix: '?', final: 'u' }, silent),
      // Window reports.
      parser.registerCsiHandler({ final: 't' }, silent),
      // DECRQSS, XTGETTCAP.
      parser.registerDcsHandler({ intermediates: '$', final: 'q' }, silent),
      parser.registerDcsHandler({ intermediates: '+', final: 'q' }, silent),
      // Colours: palette, foreground, background, cursor.
      ...[4, 10, 11, 12].map((code) => parser.registerOscHandler(code, isQuestion)),
      // The mode is kept, but xterm.js reports the focus at once when it is set.
      parser.registerCsiHandler({ prefix: '?', final: 'h' }, (params) => {
        this.#focusReportDue = silent() && params.includes(sendFocusMode)
        return false
      }),
    ]
  }

  /** True when this data is an answer that must not leave the terminal. */
  swallows(data: string): boolean {
    if (!this.#focusReportDue || !focusReports.includes(data)) return false
    this.#focusReportDue = false
    return this.#silent()
  }

  dispose(): void {
    for (const handler of this.#handlers) handler.dispose()
  }
}
