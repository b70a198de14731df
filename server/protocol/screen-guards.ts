/**
 * What one sequence may cost a terminal emulator. xterm.js 6.0.0 (pinned) takes counts, strings and marks as large as a
 * program writes them: fifteen bytes (`CSI 2147483647 b`) ask for gigabytes, nine (`CSI 2147483647 L`) for hours. The
 * gateway's screens and the browser's terminal take the same bounds from here, so that both draw the same.
 */

/** As many repetitions as the widest terminal has columns. */
const maxRepeats = 1000
/**
 * UTF-16 units of what one cell shows. The longest emoji of Unicode's RGI set has 15, no orthography as many; a browser takes
 * seconds to draw a screen of cells with twice as many marks.
 */
const maxCellUnits = 16
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
}

// The parts that have no public name: the public handlers get a copy of the parameters, which can't be narrowed.
interface Internals {
  _core: {
    registerCsiHandler(id: SequenceId, callback: (params: { params: Int32Array }) => boolean): unknown
    buffers: { active: { lines: { get(index: number): object | undefined } } }
    _oscLinkService: {
      addLineToLink(link: number, line: number): void
      _dataByLinkId: ReadonlyMap<number, { lines: readonly unknown[] }>
    }
  }
}

interface BufferLine {
  getString(index: number): string
  addCodepointToCell: (this: BufferLine, index: number, codePoint: number, width: number) => void
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
  guardCells(terminal)
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

const boundedLines = new WeakSet<BufferLine>()

/** Marks that join a character are kept with its cell, without end, and drawn at each frame: those that are too many are left out. */
function guardCells(terminal: GuardedTerminal): void {
  const line = (terminal as unknown as Internals)._core.buffers.active.lines.get(0)
  const prototype = Object.getPrototypeOf(line) as BufferLine
  // All terminals of a page have it in common.
  if (boundedLines.has(prototype)) return
  boundedLines.add(prototype)
  const add = prototype.addCodepointToCell
  prototype.addCodepointToCell = function (this: BufferLine, index, codePoint, width) {
    if (this.getString(index).length < maxCellUnits) add.call(this, index, codePoint, width)
  }
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
