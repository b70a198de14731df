import type { IBuffer, IBufferCell, IBufferLine } from '@xterm/headless'

/** The colours and attributes of a cell, or of what is printed next. */
export interface Attributes {
  isAttributeDefault(): boolean
  isBold(): number
  isDim(): number
  isItalic(): number
  isBlink(): number
  isInverse(): number
  isInvisible(): number
  isStrikethrough(): number
  isOverline(): number
  isProtected(): number
  isUnderline(): number
  hasExtendedAttrs(): number
  getUnderlineStyle(): number
  getUnderlineColor(): number
  isUnderlineColorDefault(): boolean
  isUnderlineColorRGB(): boolean
  getFgColor(): number
  isFgRGB(): boolean
  isFgDefault(): boolean
  getBgColor(): number
  isBgRGB(): boolean
  isBgDefault(): boolean
}

/** xterm.js hands out its own cells, which know more than their public type says. */
type Cell = IBufferCell & Attributes

const plainStyle = '\u001b[0m'

/** SGR and DECSCA, from nothing, for these attributes. */
export function styleOf(cell: Attributes): string {
  // Nearly every cell, and the rest takes ten times as long.
  if (cell.isAttributeDefault()) return plainStyle
  const codes = ['0']
  const flag = (on: number, code: string) => on !== 0 && codes.push(code)
  flag(cell.isBold(), '1')
  flag(cell.isDim(), '2')
  flag(cell.isItalic(), '3')
  flag(cell.isBlink(), '5')
  flag(cell.isInverse(), '7')
  flag(cell.isInvisible(), '8')
  flag(cell.isStrikethrough(), '9')
  flag(cell.isOverline(), '53')
  // A saved style knows that there is a line, not which.
  const underline = cell.getUnderlineStyle() || Math.sign(cell.isUnderline())
  if (underline !== 0) codes.push(underline === 1 ? '4' : `4:${underline}`)
  if (!cell.isFgDefault()) codes.push(color('38', cell.getFgColor(), cell.isFgRGB()))
  if (!cell.isBgDefault()) codes.push(color('48', cell.getBgColor(), cell.isBgRGB()))
  if (underline !== 0 && cell.hasExtendedAttrs() !== 0 && !cell.isUnderlineColorDefault()) {
    codes.push(color('58', cell.getUnderlineColor(), cell.isUnderlineColorRGB()))
  }
  const protection = cell.isProtected() === 0 ? '' : '\u001b[1"q'
  return `\u001b[${codes.join(';')}m${protection}`
}

function color(what: string, value: number, rgb: boolean): string {
  if (!rgb) return `${what};5;${value}`
  return `${what};2;${(value >> 16) & 255};${(value >> 8) & 255};${value & 255}`
}

/** Only the background of a cell that was erased is kept. */
export function erasedStyleOf(cell: Attributes): string {
  if (cell.isBgDefault()) return plainStyle
  return `\u001b[0;${color('48', cell.getBgColor(), cell.isBgRGB())}m`
}

/**
 * The lines of a buffer as output that draws them on a cleared terminal of the same size, without wrapped lines becoming
 * others. At most `limit` bytes: the oldest lines are left out, and of a screen that is larger still the upper ones stay
 * empty. The cursor's place afterwards is of no meaning.
 */
export function drawLines(buffer: IBuffer, size: { cols: number; rows: number }, limit: number): string {
  const screenStart = buffer.length - size.rows
  let first = 0
  let last = buffer.length - 1
  // Empty lines at the end need no line feeds, unless these are what scrolls the lines above.
  if (screenStart === 0) while (last > 0 && isBlank(buffer.getLine(last))) last--
  const drawn: string[] = []
  let left = limit
  for (let at = last; at >= 0; at--) {
    const line = buffer.getLine(at)
    if (line === undefined) break
    const text = new LineDrawing(line, at === last ? undefined : buffer.getLine(at + 1), size.cols).text
    left -= Buffer.byteLength(text)
    if (left < 0) {
      first = at + 1
      break
    }
    drawn.push(text)
  }
  // What was left out of the screen itself.
  const gap = Math.max(0, first - screenStart)
  return '\r\n'.repeat(gap) + drawn.toReversed().join('')
}

function isBlank(line: IBufferLine | undefined): boolean {
  if (line === undefined) return true
  if (line.isWrapped) return false
  for (let x = 0; x < line.length; x++) {
    const cell = line.getCell(x) as Cell | undefined
    if (cell !== undefined && (cell.getChars() !== '' || !cell.isBgDefault() || cell.isInverse() !== 0))
      return false
  }
  return true
}

/** One line, and the way to the next: it begins and ends in the plain style. */
class LineDrawing {
  text = ''
  readonly #cols: number
  #style = plainStyle
  /** Columns that are left as they are before the next thing that is drawn. */
  #moves = 0

  constructor(line: IBufferLine, next: IBufferLine | undefined, cols: number) {
    this.#cols = cols
    const cell = line.getCell(0) as Cell
    let joins = false
    for (let x = 0; x < cols;) {
      line.getCell(x, cell)
      const chars = cell.getWidth() === 0 ? '' : cell.getChars()
      if (chars === '') x += this.#skip(line, x, erasedStyleOf(cell))
      else {
        this.#print(chars, styleOf(cell), joins)
        x += cell.getWidth()
      }
      joins = chars !== ''
    }
    if (next?.isWrapped === true) this.#wrap(line, next)
    else {
      this.#use(plainStyle)
      if (next !== undefined) this.text += '\r\n'
    }
  }

  #print(chars: string, style: string, joins: boolean): void {
    this.#go()
    // A sequence between them keeps a character from joining the one before it, which it did not join.
    if (joins && style === this.#style && mayJoin(chars)) this.text += style
    this.#use(style)
    this.text += chars
  }

  /** Passes the cells from `x` on that were erased alike; returns how many. */
  #skip(line: IBufferLine, x: number, style: string): number {
    const cell = line.getCell(x) as Cell
    let count = 1
    for (; x + count < this.#cols; count++) {
      line.getCell(x + count, cell)
      if ((cell.getWidth() !== 0 && cell.getChars() !== '') || erasedStyleOf(cell) !== style) break
    }
    if (style !== plainStyle) {
      this.#go()
      this.#use(style)
      this.text += `\u001b[${count}X`
    }
    this.#moves += count
    return count
  }

  #go(): void {
    if (this.#moves > 0) this.text += `\u001b[${this.#moves}C`
    this.#moves = 0
  }

  #use(style: string): void {
    if (style !== this.#style) this.text += style
    this.#style = style
  }

  /** Only a character that has no room wraps a line, so one is printed, and taken back where there was none. */
  #wrap(line: IBufferLine, next: IBufferLine): void {
    this.#use(plainStyle)
    const first = next.getCell(0) as Cell
    const chars = first.getChars()
    const hasRoom = this.#moves > (first.getWidth() === 2 ? 1 : 0)
    // A line that scrolls in takes the background of that moment.
    if (!hasRoom && chars !== '' && first.isBgDefault() && !mayJoin(chars)) return
    const isEmpty = this.#moves > 0
    if (isEmpty) this.text += `\u001b[${this.#cols}Gx`
    this.#moves = 0
    this.text += 'x'
    if (isEmpty) {
      this.text += `\u001b[A\u001b[${this.#cols}G`
      this.#use(erasedStyleOf(line.getCell(this.#cols - 1) as Cell))
      this.text += '\u001b[X'
      this.#use(plainStyle)
      this.text += '\u001b[B'
    }
    this.text += '\r\u001b[X'
  }
}

/** CJK and ASCII stand alone (Unicode UAX #29); everything else may join what is before it. */
function mayJoin(chars: string): boolean {
  const code = chars.codePointAt(0) ?? 0
  return code >= 0x300 && !(code >= 0x2e80 && code <= 0xd7a3) && !(code >= 0xff00 && code <= 0xffef)
}
