import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import xterm from '@xterm/headless'
import { DrawQueue } from '../../web/terminal/draw-queue.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** Parses when it is told to. */
class SlowScreen {
  readonly parsed: Uint8Array[] = []
  readonly #inside: (() => void)[] = []

  write(piece: Uint8Array, done: () => void): void {
    this.#inside.push(() => {
      this.parsed.push(piece)
      done()
    })
  }

  get inside(): number {
    return this.#inside.length
  }

  parse(pieces = Infinity): void {
    for (let left = pieces; left > 0; left--) {
      const next = this.#inside.shift()
      if (next === undefined) return
      next()
    }
  }

  get text(): string {
    return Buffer.concat(this.parsed).toString()
  }
}

describe('output that waits to be drawn', () => {
  it('is drawn in order, and each part told of when all of it is', () => {
    const screen = new SlowScreen()
    const queue = new DrawQueue(screen)
    const told: string[] = []
    queue.push(bytes('a'.repeat(5_000)), () => told.push(`a after ${screen.text.length}`))
    queue.run(() => told.push('between'))
    queue.push(bytes('b'), () => told.push('b'))
    assert.deepEqual(told, [])
    screen.parse()
    assert.equal(screen.text, `${'a'.repeat(5_000)}b`)
    assert.deepEqual(told, ['a after 5000', 'between', 'b'])
  })

  it('is not given to the terminal, which takes nothing back, but for its next few kilobytes', () => {
    const screen = new SlowScreen()
    const queue = new DrawQueue(screen)
    queue.push(bytes('a'.repeat(1024 * 1024)), () => undefined)
    assert.equal(screen.inside, 2)
    screen.parse(1)
    assert.equal(screen.inside, 2)
    assert.ok(screen.text.length <= 4096, String(screen.text.length))
  })

  it('is forgotten when something takes its place', () => {
    const screen = new SlowScreen()
    const queue = new DrawQueue(screen)
    const told: string[] = []
    queue.push(bytes('a'.repeat(1024 * 1024)), () => told.push('stale'))
    queue.run(() => told.push('stale step'))
    queue.replace(() => told.push('cleared'))
    queue.push(bytes('prompt'), () => told.push('drawn'))
    screen.parse()
    assert.deepEqual(told, ['cleared', 'drawn'])
    assert.ok(screen.text.length <= 8192, String(screen.text.length))
    assert.match(screen.text, /prompt$/)
  })

  for (const [what, cutOff] of Object.entries({
    'a title': bytes('\u001b]0;half a ti'),
    'a device control string': bytes('\u001bPq#0;2'),
    'a colour': bytes('\u001b[38;2'),
    'a character': bytes('€').subarray(0, 2),
  })) {
    it(`does not swallow what takes its place, where it was cut off amid ${what}`, async () => {
      const terminal = new xterm.Terminal({ allowProposedApi: true, cols: 20, rows: 2 })
      const queue = new DrawQueue(terminal)
      queue.push(cutOff, () => undefined)
      queue.replace(() => terminal.reset())
      await new Promise<void>((resolve) => queue.push(bytes('70m $ '), resolve))
      assert.equal(terminal.buffer.active.getLine(0)?.translateToString(true), '70m $ ')
      terminal.dispose()
    })
  }
})
