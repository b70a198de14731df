/**
 * What one sequence may cost a terminal emulator. xterm.js 6.0.0 (pinned) takes counts, strings and marks as large as a
 * program writes them: fifteen bytes (`CSI 2147483647 b`) ask for gigabytes, nine (`CSI 2147483647 L`) for hours. The
 * gateway's screens and the browser's terminal take the same bounds from here, so that both draw the same.
 */

/** As many repetitions as the widest terminal has columns. */
const maxRepeats = 1000
/** Unicode UAX #15, "Stream-Safe Text Format", allows 30 marks in a row; what is more begins a cell of its own. */
const maxClusterCodePoints = 32
/** Characters of a title, a colour or a link's address. */
const maxStringLength = 4096
/** Lines that one link is kept alive by; each costs at every scroll. */
const maxLinkLines = 50
/** Lines that are marked at once, by links and by a search (which marks at most 1,000). */
const maxMarkers = 2000

/** Title, palette, link, colours, and their way back: the strings that xterm.js itself keeps or takes apart. */
const stringCodes = [0, 1, 2, 4, 8, 10, 11, 12, 104]
const linkCode = 8

/** What is used of a `Terminal` of @xterm/xterm or @xterm/headless. */
export interface GuardedTerminal {
  readonly cols: number
  readonly rows: number
  readonly markers: readonly unknown[]
  readonly parser: {
    registerOscHandler(ident: number, callback: (data: string) => boolean): unknown
  }
  readonly unicode: { register(provider: UnicodeProvider): void; activeVersion: string }
}

interface UnicodeProvider {
  readonly version: string
  wcwidth(codePoint: number): 0 | 1 | 2
  charProperties(codePoint: number, preceding: number): number
}

// The parts that have no public name: the public handlers get a copy of the parameters, which can't be narrowed.
interface Internals {
  _core: {
    registerCsiHandler(id: SequenceId, callback: (params: { params: Int32Array }) => boolean): unknown
    unicodeService: { _activeProvider: UnicodeProvider }
    _oscLinkService: {
      addLineToLink(link: number, line: number): void
      _dataByLinkId: ReadonlyMap<number, { lines: readonly unknown[] }>
    }
  }
}

interface SequenceId {
  intermediates?: string
  final: string
}

/**
 * Bounds a terminal, before anything is written to it and after its Unicode addon was loaded. With `links: false`, for a
 * screen that nobody clicks on, links are not kept at all.
 */
export function guardTerminal(terminal: GuardedTerminal, options: { links: boolean }): void {
  guardCounts(terminal)
  guardClusters(terminal)
  for (const code of stringCodes) {
    terminal.parser.registerOscHandler(code, (data) => data.length > maxStringLength)
  }
  if (options.links) guardLinks(terminal)
  else terminal.parser.registerOscHandler(linkCode, () => true)
}

/** Counts that xterm.js loops over. All others (moves, inserted and erased cells) end at the line's end by themselves. */
function guardCounts(terminal: GuardedTerminal): void {
  const { _core } = terminal as unknown as Internals
  const rows = () => terminal.rows
  const cols = () => terminal.cols
  const limits: [SequenceId, () => number][] = [
    // Insert and delete lines, scroll up and down.
    ...['L', 'M', 'S', 'T'].map((final): [SequenceId, () => number] => [{ final }, rows]),
    // Tabs forward and backward.
    ...['I', 'Z'].map((final): [SequenceId, () => number] => [{ final }, cols]),
    [{ final: 'b' }, () => maxRepeats],
  ]
  for (const [id, limit] of limits) {
    _core.registerCsiHandler(id, ({ params }) => {
      params[0] = Math.min(params[0] ?? 0, limit())
      return false
    })
  }
}

/** Marks that join a character are kept with its cell, without end. */
function guardClusters(terminal: GuardedTerminal): void {
  const provider = (terminal as unknown as Internals)._core.unicodeService._activeProvider
  const version = `${provider.version}-bounded`
  let joined = 0
  terminal.unicode.register({
    version,
    wcwidth: (codePoint) => provider.wcwidth(codePoint),
    charProperties(codePoint, preceding) {
      const properties = provider.charProperties(codePoint, preceding)
      // Bit 0: it joins the character before it.
      joined = (properties & 1) === 0 ? 0 : joined + 1
      if (joined < maxClusterCodePoints) return properties
      joined = 0
      return provider.charProperties(codePoint, 0)
    },
  })
  terminal.unicode.activeVersion = version
}

/** Each link marks its lines, and each mark costs at every scroll, each marked line at every character of its link. */
function guardLinks(terminal: GuardedTerminal): void {
  const links = (terminal as unknown as Internals)._core._oscLinkService
  const addLineToLink = links.addLineToLink.bind(links)
  links.addLineToLink = (link, line) => {
    const lines = links._dataByLinkId.get(link)?.lines.length ?? 0
    if (lines < maxLinkLines && terminal.markers.length < maxMarkers) addLineToLink(link, line)
  }
  // The text stays, without its link; `;` alone ends one.
  terminal.parser.registerOscHandler(
    linkCode,
    (data) => data !== ';' && terminal.markers.length >= maxMarkers,
  )
}
