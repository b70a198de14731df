import assert from 'node:assert/strict'
import { after, describe, it, mock } from 'node:test'
import { setImmediate as around } from 'node:timers/promises'
import { SerializeAddon } from '@xterm/addon-serialize'
import headless from '@xterm/headless'
import { flow } from '../../server/protocol/terminal.ts'
import { OutputHistory } from '../../server/sessions/terminal/output-history.ts'
import { Screens } from '../../server/sessions/terminal/screens.ts'

const size = { cols: 80, rows: 24 }
const screens = new Screens()
after(() => screens.close())

/** What a terminal shows after these bytes: text of every line, cursor, modes. */
async function screenOf(parts: Uint8Array[], at = size) {
  const terminal = new headless.Terminal({ ...at, scrollback: 1000, allowProposedApi: true })
  const serializer = new SerializeAddon()
  terminal.loadAddon(serializer)
  for (const part of parts) await new Promise<void>((resolve) => terminal.write(part, resolve))
  const { cursorX, cursorY, type } = terminal.buffer.active
  return { serialized: serializer.serialize(), cursorX, cursorY, type }
}

function history(onDrain = () => undefined): OutputHistory {
  return new OutputHistory({ screens, size, start: 0, onDrain })
}

async function assertSameScreen(source: Buffer, step: number) {
  const told = history()
  for (let at = 0; at < source.length; at += step) told.append(source.subarray(at, at + step))
  const snapshot = await told.snapshot()
  assert.equal(snapshot.offset, source.length)
  assert.deepEqual(await screenOf([snapshot.data]), await screenOf([source]))
}

const lines = (count: number, text: (i: number) => string) =>
  Buffer.from(Array.from({ length: count }, (_, i) => text(i)).join(''))

describe('OutputHistory', () => {
  it('draws the same screen as all of the output', async () => {
    await assertSameScreen(
      lines(300, (i) => `\u001b[3${i % 8}mline ${i}\u001b[0m é€😀\r\n`),
      100,
    )
  })

  it('draws the same screen when most of it has left the ring', async () => {
    await assertSameScreen(
      lines(60_000, (i) => `\u001b[1mline\u001b[0m ${i} of a long coloured output\r\n`),
      50_000,
    )
  })

  it('draws the same screen after a flood of plain text, which it does not keep', async () => {
    await assertSameScreen(
      Buffer.concat([Buffer.from('\u001b[31mred from here\r\n'), lines(2_000_000, (i) => `y${i % 10}\r\n`)]),
      60_000,
    )
  })

  it('draws a full-screen program inside the alternate screen', async () => {
    await assertSameScreen(
      Buffer.concat([
        lines(100, (i) => `before ${i}\r\n`),
        Buffer.from('\u001b[?1049h\u001b[2J\u001b[5;10Hin vi\u001b[10;1H~\u001b[3;3H'),
      ]),
      33,
    )
  })

  it('restores hidden cursor, scroll region, line drawing and title', async () => {
    const told = history()
    told.append(Buffer.from('\u001b]2;my title\u0007text\u001b[?25l\u001b[5;20r\u001b[7;4H\u001b(0'))
    const { data } = await told.snapshot()
    const text = Buffer.from(data).toString()
    for (const part of [
      '\u001b[?25l',
      '\u001b[5;20r',
      '\u001b[7;4H',
      '\u001b(0',
      '\u001b]2;my title\u0007',
    ]) {
      assert.ok(text.includes(part), JSON.stringify({ text, part }))
    }
  })

  it('never asks the terminal a question in a snapshot', async () => {
    const told = history()
    told.append(Buffer.from('\u001b[6n\u001b[c\u001b]11;?\u0007prompt $ '))
    const { data } = await told.snapshot()
    assert.doesNotMatch(Buffer.from(data).toString(), /\u001b\[6n|\u001b\[c|\u001b\]11;\?/)
  })

  it('applies a change of size between the bytes around it', async () => {
    const told = history()
    told.append(Buffer.from('x'.repeat(100)))
    told.resize({ cols: 40, rows: 10 })
    told.append(Buffer.from('y'.repeat(50)))
    const { data, size: now } = await told.snapshot()
    assert.deepEqual(now, { cols: 40, rows: 10 })
    const shown = await screenOf([data], now)
    assert.match(shown.serialized, /y{30}/)
  })

  it('goes on from a snapshot without a gap', async () => {
    const told = history()
    const first = lines(5000, (i) => `one ${i}\r\n`)
    const second = lines(5000, (i) => `two ${i}\r\n`)
    told.append(first)
    const asked = told.snapshot()
    told.append(second)
    const snapshot = await asked
    const rest = told.from(snapshot.offset)
    assert.ok(rest)
    assert.deepEqual(await screenOf([snapshot.data, ...rest]), await screenOf([first, second]))
    const again = await told.snapshot()
    assert.deepEqual(await screenOf([again.data]), await screenOf([first, second]))
  })

  it('holds at least the ring in bytes', () => {
    const told = history()
    for (let i = 0; i < 40; i++) told.append(Buffer.alloc(100_000, 0x61))
    assert.ok(told.from(told.end - flow.ring))
    assert.equal(told.from(0), undefined)
  })

  it('draws what came before the start first, however much of it there is', async () => {
    const before = lines(200_000, (i) => `\u001b[1mbefore\u001b[0m ${i}\r\n`)
    const tail = lines(100_000, (i) => `tail ${i}\r\n`)
    async function* recording() {
      for (let at = 0; at < before.length; at += 100_000) yield before.subarray(at, at + 100_000)
      yield tail
    }
    const told = new OutputHistory({ screens, size, start: before.length, onDrain: () => undefined })
    const primed = told.primeFrom(recording(), before.length)
    told.append(tail)
    const { data, offset } = await told.snapshot()
    await primed
    assert.equal(offset, before.length + tail.length)
    assert.deepEqual(await screenOf([data]), await screenOf([before, tail]))
  })

  it('goes on without the rest of what came before when what is put out now has waited for long', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      let read = 0
      async function* recording() {
        for (; read < 100_000; read++) {
          await around()
          yield Buffer.from('before\r\n')
        }
      }
      const told = new OutputHistory({ screens, size, start: 800_000, onDrain: () => undefined })
      const primed = told.primeFrom(recording(), 800_000)
      for (let n = 0; n < 30; n++) told.append(Buffer.alloc(100_000, 0x61))
      assert.ok(told.overloaded)
      mock.timers.tick(5000)
      await primed
      assert.ok(read < 50_000, `read ${read} pieces`)
      assert.ok(!told.overloaded)
    } finally {
      mock.timers.reset()
    }
  })
})
