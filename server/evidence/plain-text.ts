// Longer lines are broken: a program may print without ever ending a line.
const maxLine = 32 * 1024

/**
 * Terminal output to plain text, chunk by chunk. It follows what happens within a line (carriage return, backspace,
 * tab, moving and erasing), so that an edited command line or a progress bar reads as it looked last, and drops every
 * other escape sequence (ECMA-48: CSI, and the strings DCS, OSC, SOS, PM, APC). It is not a terminal: full-screen programs
 * come out as the pieces that they wrote.
 */
export class PlainText {
  /** The terminal's width: a sequence moves no further. */
  columns = 1000
  #state: 'text' | 'escape' | 'intermediate' | 'csi' | 'string' | 'string-escape' = 'text'
  #parameters = ''
  #line: string[] = []
  #column = 0
  #done = ''

  /** Takes output, returns the lines that are complete. */
  add(output: string): string {
    this.#done = ''
    for (const char of output) this.#take(char)
    return this.#done
  }

  /** The last line, which has no end. */
  end(): string {
    const rest = this.#line.join('').trimEnd()
    this.#line = []
    return rest === '' ? '' : `${rest}\n`
  }

  #take(char: string): void {
    switch (this.#state) {
      case 'text':
        return this.#takeText(char)
      case 'escape':
        return this.#takeEscape(char)
      case 'intermediate':
        if (char >= '0') this.#state = 'text'
        return
      case 'csi':
        return this.#takeCsi(char)
      case 'string':
        if (char === '\x07' || char === '\x9c' || char === '\x18' || char === '\x1a') this.#state = 'text'
        if (char === '\x1b') this.#state = 'string-escape'
        return
      case 'string-escape':
        // ESC \ ends the string; any other escape also ends it and starts its own sequence.
        this.#state = 'text'
        if (char !== '\\') this.#takeEscape(char)
    }
  }

  #takeText(char: string): void {
    if (char === '\x1b') this.#state = 'escape'
    else if (char === '\n' || char === '\v' || char === '\f') this.#endLine()
    else if (char === '\r') this.#column = 0
    else if (char === '\b') this.#column = Math.max(0, this.#column - 1)
    else if (char === '\t') this.#column = this.#moved(this.#column + 8 - (this.#column % 8))
    else if (char === '\x9b') this.#startCsi()
    else if (char >= ' ' && !(char >= '\x7f' && char < '\xa0')) this.#print(char)
  }

  #takeEscape(char: string): void {
    if (char === '[') return this.#startCsi()
    this.#state = 'text'
    if (char === '\x1b') this.#state = 'escape'
    else if ('P]X^_'.includes(char)) this.#state = 'string'
    else if (char >= ' ' && char <= '/') this.#state = 'intermediate'
  }

  #startCsi(): void {
    this.#state = 'csi'
    this.#parameters = ''
  }

  #takeCsi(char: string): void {
    if (char === '\x1b') {
      this.#state = 'escape'
      return
    }
    // Controls within a sequence act at once, as in a terminal.
    if (char < ' ') return this.#takeControlInCsi(char)
    if (char < '@') {
      if (this.#parameters.length < 32) this.#parameters += char
      return
    }
    this.#state = 'text'
    const count = Math.max(1, Number.parseInt(this.#parameters, 10) || 1)
    if (char === 'C') this.#column = this.#moved(this.#column + count)
    else if (char === 'D') this.#column = Math.max(0, this.#column - count)
    else if (char === 'G') this.#column = this.#moved(count - 1)
    else if (char === 'K' && /^0?$/.test(this.#parameters))
      this.#line.length = Math.min(this.#line.length, this.#column)
    else if (char === 'K' && this.#parameters === '2') this.#line = []
  }

  #takeControlInCsi(char: string): void {
    if (char === '\x18' || char === '\x1a') this.#state = 'text'
    else this.#takeText(char)
  }

  /** Within the terminal, or where it is already: a line that the terminal has wrapped is one line here. */
  #moved(column: number): number {
    const lineStart = this.#column - (this.#column % this.columns)
    return Math.min(column, Math.max(this.#column, lineStart + this.columns - 1))
  }

  #print(char: string): void {
    while (this.#line.length < this.#column) this.#line.push(' ')
    this.#line[this.#column] = char
    this.#column++
    if (this.#column >= maxLine) this.#endLine()
  }

  #endLine(): void {
    this.#done += `${this.#line.join('').trimEnd()}\n`
    this.#line = []
    this.#column = 0
  }
}
