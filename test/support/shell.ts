import { randomBytes } from 'node:crypto'
import type { TerminalStream } from '../../server/core/streams.ts'
import { eventually } from './eventually.ts'
import { within } from './within.ts'

/**
 * A scripted user of one terminal. Bytes are kept as latin1, one character each. It never answers the shell's cursor
 * query, because what it would type is what some tests look for.
 */
export class Shell {
  readonly terminal: TerminalStream
  #output = ''
  #seen = 0
  #wake: (() => void) | undefined
  #drained: (() => void) | undefined
  #closed = false

  constructor(terminal: TerminalStream) {
    this.terminal = terminal
    terminal.io.onDrain(() => this.#drained?.())
    terminal.io.read((bytes) => {
      this.#output += Buffer.from(bytes).toString('latin1')
      this.#wake?.()
    })
    void this.#noteEnd()
  }

  async #noteEnd(): Promise<void> {
    await this.terminal.ended
    this.#closed = true
    this.#wake?.()
  }

  /** Everything that arrived so far. */
  get output(): string {
    return this.#output
  }

  type(text: string | Buffer): void {
    this.terminal.io.write(typeof text === 'string' ? Buffer.from(text) : text)
  }

  /** Writes more than fits at once, at the terminal's pace. */
  async paste(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += 16_384) {
      const { promise: drained, resolve } = Promise.withResolvers<void>()
      this.#drained = resolve
      if (!this.terminal.io.write(bytes.subarray(at, at + 16_384))) {
        await within(drained, `the terminal to take more input after ${at} bytes`, 30_000)
      }
    }
  }

  /** Waits for output behind the last match; what is matched counts as seen. */
  async expect(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      const match = pattern.exec(this.#output.slice(this.#seen))
      if (match) {
        this.#seen += match.index + match[0].length
        return match
      }
      const left = deadline - Date.now()
      const tail = JSON.stringify(this.#output.slice(-300))
      if (this.#closed)
        throw new Error(`The terminal closed before ${pattern} came; its last output: ${tail}`)
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      await within(more, `${pattern} in the terminal, whose last output is ${tail}`, Math.max(left, 1))
    }
  }

  /** Everything up to `end`, which may be megabytes away: each byte is looked at once. */
  async until(end: string, timeoutMs = 10_000): Promise<string> {
    const from = this.#seen
    let at = -1
    let looked = from
    await eventually(
      () => {
        at = this.#output.indexOf(end, looked)
        looked = Math.max(from, this.#output.length - end.length)
        return at >= 0
      },
      { what: `${end} in the terminal`, timeoutMs },
    )
    this.#seen = at + end.length
    return this.#output.slice(from, at)
  }

  /** Waits until nothing of the prompt is left to come, by running an empty command. */
  async ready(timeoutMs?: number): Promise<void> {
    await this.run(':', timeoutMs)
  }

  /** Runs one line and gives what it printed, without the echo, with plain line ends. */
  async run(line: string, timeoutMs?: number): Promise<string> {
    return (await this.runStatus(line, timeoutMs)).output
  }

  async runStatus(line: string, timeoutMs?: number): Promise<{ output: string; status: number }> {
    const mark = randomBytes(4).toString('hex')
    // What came before cannot hold the marks, and may be megabytes.
    this.#seen = this.#output.length
    // The marks are put together by printf, so that the echo of this line is not taken for them.
    this.type(`printf '<%s>' b${mark}; ${line}; printf '<%s:%d>' e${mark} $?\n`)
    const pattern = new RegExp(`<b${mark}>([\\s\\S]*?)<e${mark}:(\\d+)>`)
    const match = await this.expect(pattern, timeoutMs)
    return { output: (match[1] ?? '').replaceAll('\r\n', '\n').trim(), status: Number(match[2]) }
  }

  /** The process id of the shell itself. */
  async pid(): Promise<number> {
    return Number(await this.run('echo $$'))
  }
}
