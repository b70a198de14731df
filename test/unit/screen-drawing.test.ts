import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { IBuffer, Terminal } from '@xterm/headless'
import { styleOf, type Attributes } from '../../server/sessions/terminal/drawn-lines.ts'
import { coreOf, ScreenDrawing, type InnerBuffer } from '../../server/sessions/terminal/screen-drawing.ts'
import { parseNow, screenTerminal } from '../../server/sessions/terminal/screen-terminal.ts'

const size = { cols: 14, rows: 6, scrollback: 20 }

class Screen {
  readonly terminal: Terminal
  readonly drawing: ScreenDrawing

  constructor(at = size) {
    this.terminal = screenTerminal(at)
    this.drawing = new ScreenDrawing(this.terminal)
  }

  write(output: Uint8Array | string): this {
    const bytes = Buffer.from(output)
    parseNow(this.terminal, bytes)
    this.drawing.wrote(bytes)
    return this
  }

  /** Another one, drawn from this. */
  copy(): Screen {
    const { cols, rows } = this.terminal
    return new Screen({ ...size, cols, rows }).write(this.drawing.draw())
  }
}

function cellsOf(buffer: IBuffer, cols: number): string[] {
  const lines: string[] = []
  for (let y = 0; y < buffer.length; y++) {
    const line = buffer.getLine(y)
    const cells: string[] = []
    for (let x = 0, width = 1; x < cols; x += width) {
      const cell = line?.getCell(x)
      width = Math.max(1, cell?.getWidth() ?? 1)
      if (cell === undefined) continue
      const style = cell as unknown as Attributes
      // A space in no style but a background looks as what was erased.
      const isSpace = cell.getChars() === ' ' && /^\u001b\[0(;48[;\d]+)?m$/.test(styleOf(style))
      const chars = cell.getWidth() === 0 || isSpace ? '' : cell.getChars()
      // Of what was erased only the background shows.
      const look = chars === '' ? `bg${style.isBgDefault()}:${style.getBgColor()}` : styleOf(style)
      cells.push(`${chars}|${width}|${look}`)
    }
    // What is erased at the end of a line.
    while (cells.at(-1) === '|1|bgtrue:-1') cells.pop()
    // What the first line goes on from is gone.
    lines.push(`${y > 0 && line?.isWrapped === true ? '…' : ''}${cells.join(' ')}`)
  }
  return lines
}

/** Everything that shows, and that what comes depends on. */
function stateOf({ terminal }: Screen): object {
  const { buffer, cols, rows, modes } = terminal
  const core = coreOf(terminal)
  const of = (inner: InnerBuffer) => ({
    region: [inner.scrollTop, inner.scrollBottom],
    saved: [
      Math.min(inner.savedX, cols - 1),
      Math.max(inner.savedY - inner.ybase, 0),
      styleOf(inner.savedCurAttrData),
    ],
    tabs: Array.from({ length: cols }, (_, x) => inner.tabs[x] === true),
  })
  return {
    active: buffer.active.type,
    normal: cellsOf(buffer.normal, cols),
    alternate: buffer.active.type === 'alternate' ? cellsOf(buffer.alternate, cols) : [],
    cursor: [buffer.active.cursorX, buffer.active.cursorY],
    style: styleOf(core._inputHandler._curAttrData),
    buffers: [of(core.buffers.normal), of(core.buffers.alt)],
    charset: [core._charsetService.glevel, core._charsetService.charset],
    modes,
    hidden: core.coreService.isCursorHidden,
    shape: [core.coreService.decPrivateModes.cursorStyle, core.coreService.decPrivateModes.cursorBlink],
    mouse: core.coreMouseService.activeEncoding,
    newline: core.optionsService.rawOptions.convertEol,
    size: [cols, rows],
  }
}

/** A small generator (Marsaglia, xorshift), so that a failure can be had again. */
function random(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const texts = [
  'a',
  'hello ',
  'x'.repeat(13),
  'long line that wraps around ',
  'é',
  'e\u0301',
  '漢字',
  '😀',
  '👩‍👩‍👧',
  '\u0301',
  'q~`',
]
const sequences = [
  '\r\n',
  '\n',
  '\r',
  '\b',
  '\t',
  '\u001bM',
  '\u001bD',
  '\u001bE',
  '\u001bH',
  '\u001b[3g',
  '\u001b[g',
  '\u001b7',
  '\u001b8',
  '\u001b[s',
  '\u001b[u',
  '\u001b[0m',
  '\u001b[1m',
  '\u001b[1;2m',
  '\u001b[4:3;58;5;9m',
  '\u001b[7m',
  '\u001b[41m',
  '\u001b[48;2;1;2;3;38;5;99m',
  '\u001b[9;53m',
  '\u001b[1"q',
  '\u001b[0"q',
  '\u001b[?J',
  '\r\u001b[J',
  '\r\u001b[2J',
  '\r\u001b[K',
  '\r\u001b[1K',
  '\u001b[2;4r',
  '\u001b[3;5r',
  '\u001b[r',
  '\u001b[?6h',
  '\u001b[?6l',
  '\u001b[4h',
  '\u001b[4l',
  '\u001b[20h',
  '\u001b[20l',
  '\u001b(0',
  '\u001b(B',
  '\u001b)0',
  '\u001b)A',
  '\u001b*0',
  '\u000e',
  '\u000f',
  '\u001bn',
  '\u001bo',
  '\u001b[?1049h',
  '\u001b[?1049l',
  '\u001b[?47h',
  '\u001b[?47l',
  '\u001b[?25l',
  '\u001b[?25h',
  '\u001b[?1h',
  '\u001b[?66h',
  '\u001b[?45h',
  '\u001b[?1000h',
  '\u001b[?1003h',
  '\u001b[?1006h',
  '\u001b[?1000l',
  '\u001b[?1004h',
  '\u001b[?2004h',
  '\u001b[4 q',
  '\u001b[0 q',
  '\u001b[!p',
  '\u001b[2L',
  '\u001b[M',
  '\u001b[2@',
  '\u001b[2P',
  '\u001b[3X',
  '\u001b[2S',
  '\u001b[T',
  '\u001b[3b',
  '\u001b[2I',
  '\u001b[Z',
] as const

function output(next: (below: number) => number, pieces: number): string {
  let out = ''
  for (let n = 0; n < pieces; n++) {
    const kind = next(10)
    if (kind < 4) out += texts[next(texts.length)]
    else if (kind < 6) out += `\u001b[${1 + next(size.rows)};${1 + next(size.cols)}H`
    else if (kind < 7) out += '\r\n'
    else out += sequences[next(sequences.length)]
  }
  return out
}

describe('a drawn screen', () => {
  it('is the same, cell by cell, and goes on as the same', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const next = random(seed)
      const before = output(next, 3 + next(60))
      const first = new Screen().write(before)
      // A mark that comes right behind is joined to what was printed, except in insert mode: that would move the line.
      const after = `${first.terminal.modes.insertMode ? 'a' : ''}${output(next, 3 + next(30))}`
      const second = first.copy()
      const why = () => JSON.stringify({ seed, before, after, drawn: first.drawing.draw().toString() })
      assert.deepEqual(stateOf(second), stateOf(first), why())
      assert.deepEqual(stateOf(second.write(after)), stateOf(first.write(after)), why())
    }
  })

  const cases: Record<string, [string, string]> = {
    'a scroll region in origin mode': ['\u001b[2;4r\u001b[?6h\u001b[2;3Hx', '\u001b[1;1Hy\r\n\r\n\r\nz'],
    'no wrap': ['\u001b[?7labcdefghijklmnopqrst', 'uv'],
    'the place behind the last column': ['x'.repeat(14), 'y'],
    'insert mode': ['abc\u001b[4h\u001b[1;2H', 'z'],
    'tab stops': ['\u001b[3g\u001b[4G\u001bH\r', '\tx'],
    'a saved cursor with its style and set': [
      '\u001b[2;3H\u001b[1;31m\u001b(0\u001b7\u001b[0m\u001b(B\u001b[5;5H',
      '\u001b8qqq',
    ],
    'the saved cursor of the other screen': [
      '\u001b[?1047h\u001b[3;3H\u001b7\u001b[?1047lx',
      '\u001b[?1047h\u001b8y',
    ],
    'the screen below the alternate one': ['one\r\ntwo\u001b[?1049h\u001b[2;2Hvi', '\u001b[?1049lthree'],
    'the third and the fourth set': ['\u001b*0\u001bn', 'qq\u000fq'],
    'protected cells': ['\u001b[1"qkeep\u001b[0"q drop', '\r\u001b[?2K'],
    'a character that is not complete': ['e', '\u0301'],
    'a long line on a narrow screen': ['a long line that wraps three times or more', '\u001b[2Ax'],
  }
  for (const [what, [before, after]] of Object.entries(cases)) {
    it(`keeps ${what}`, () => {
      const first = new Screen().write(before)
      const second = first.copy()
      assert.deepEqual(stateOf(second), stateOf(first))
      assert.deepEqual(stateOf(second.write(after)), stateOf(first.write(after)))
    })
  }

  it('goes on in the middle of a sequence, wherever it was cut', () => {
    const whole = Buffer.from(
      '\u001b[1;38;5;9mred\u001b]2;a title\u0007\u001bP$qm\u001b\\\u001b]8;;http://a/\u001b\\link\u001b]8;;\u001b\\\u001b(0q\u001b(B漢\u009b2;2Hé',
    )
    const expected = stateOf(new Screen().write(whole))
    for (let cut = 0; cut <= whole.length; cut++) {
      // The session's output is cut at whole characters.
      if (((whole[cut] ?? 0) & 0xc0) === 0x80) continue
      for (const piece of [1, cut]) {
        const first = new Screen()
        for (let at = 0; at < cut; at += piece) first.write(whole.subarray(at, Math.min(cut, at + piece)))
        assert.deepEqual(
          stateOf(first.copy().write(whole.subarray(cut))),
          expected,
          `${cut} in pieces of ${piece}`,
        )
      }
    }
  })

  it('is never larger than what may wait for a viewer, and then keeps the newest lines', () => {
    const wide = { cols: 400, rows: 50, scrollback: 1000 }
    const screen = new Screen(wide)
    for (let line = 0; line < 1100; line++) {
      const cells = Array.from({ length: 390 }, (_, x) => `\u001b[38;2;${line % 256};${x % 256};7m${x % 10}`)
      screen.write(`${cells.join('')} ${line}\r\n`)
    }
    const drawn = screen.drawing.draw()
    assert.ok(drawn.length <= 3 * 1024 * 1024, String(drawn.length))
    const again = new Screen(wide).write(drawn)
    const tail = (of: Screen) => cellsOf(of.terminal.buffer.normal, wide.cols).slice(-60)
    assert.deepEqual(tail(again), tail(screen))
  })
})
