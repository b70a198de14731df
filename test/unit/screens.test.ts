import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import headless from '@xterm/headless'
import { guardTerminal } from '../../server/protocol/screen-guards.ts'
import { Screens } from '../../server/sessions/terminal/screens.ts'

const size = { cols: 80, rows: 24 }
const nothing = () => undefined
const bytes = (text: string) => Buffer.from(text)
const textOf = ({ data }: { data: Uint8Array }) => Buffer.from(data).toString()
const undrawn = /could not be drawn/

const screens = new Screens()
after(() => screens.close())

/** What the screen shows after this output. */
async function shown(output: string, at = size): Promise<string> {
  const model = screens.create(at, nothing)
  model.write(bytes(output))
  const text = textOf(await model.snapshot())
  model.close()
  return text
}

describe('a sequence whose cost is not its length', () => {
  const most = 2_147_483_647
  const counted = [
    'b',
    'L',
    'M',
    'S',
    'T',
    'I',
    'Z',
    '@',
    'P',
    'X',
    'A',
    'B',
    'C',
    'D',
    'E',
    'F',
    'G',
    'H',
    'a',
    'd',
    'e',
    ' @',
    ' A',
    "'}",
    "'~",
    'r',
    't',
    'g',
  ]
  for (const final of counted) {
    it(`CSI ${most} ${final} costs no more than a screen`, async () => {
      const text = await shown(`a\u001b[${most}${final}\u001b[H\u001b[?6lafter`)
      assert.match(text, /after/)
      assert.doesNotMatch(text, undrawn)
    })
  }

  it('repeats a character as often as a line is long', async () => {
    assert.match(await shown('ab\u001b[9b'), /ab{10}/)
  })

  it('keeps as many marks with a character as a language has, and no more anywhere', async () => {
    const marks = '\u0301'.repeat(100_000)
    const text = await shown(`e${marks}f\u001b[1000b`)
    assert.match(text, /e\u0301{15}f/)
    assert.doesNotMatch(text, /\u0301{16}/)
    assert.equal(text.split('\u0301').length - 1, 15)
    const emoji = '\u{1f469}\u{1f3fd}\u200d\u2764\ufe0f\u200d\u{1f48b}\u200d\u{1f468}\u{1f3ff}'
    assert.match(await shown(`${emoji}${marks}`), new RegExp(`${emoji}\u0301(?!\u0301)`, 'u'))
  })

  it('keeps no link and no string beyond its bounds', async () => {
    const links = '\u001b]8;;http://example.com/\u0007x'.repeat(2_000)
    const palette = `\u001b]4;${'1;?;'.repeat(20_000)}\u0007`
    const title = `\u001b]2;${'t'.repeat(100_000)}\u0007`
    const text = await shown(`${links}\r\n${palette}${title}after`)
    assert.match(text, /after/)
    assert.doesNotMatch(text, /ttt|example/)
  })

  it('marks no more lines for links than a browser can scroll, and keeps their text', async () => {
    const terminal = new headless.Terminal({ ...size, scrollback: 10_000, allowProposedApi: true })
    guardTerminal(terminal, { links: true })
    const write = (text: string) => new Promise<void>((resolve) => terminal.write(text, resolve))
    const begin = (address: string) => `\u001b]8;;http://${address}.example/\u0007`
    const end = '\u001b]8;;\u0007'
    await write(`${begin('one')}${'line\r\n'.repeat(500)}${end}`)
    assert.equal(terminal.markers.length, 50)
    await write(Array.from({ length: 3_000 }, (_, n) => `${begin(`n${n}`)}x${end}`).join(''))
    assert.equal(terminal.markers.length, 2_000)
    await write(`${begin('last')}after${end}`)
    assert.equal(terminal.markers.length, 2_000)
    const { active } = terminal.buffer
    assert.match(active.getLine(active.baseY + active.cursorY)?.translateToString(true) ?? '', /after$/)
    terminal.dispose()
  })
})

describe('one screen beside others', () => {
  it('is drawn while another has much to do', async () => {
    const busy = screens.create({ cols: 400, rows: 200 }, nothing)
    busy.write(bytes('\u001b[2J\u001b#8'.repeat(300_000)))
    let isDrawn = false
    const drawn = busy.snapshot().then(
      () => (isDrawn = true),
      () => undefined,
    )
    for (let round = 0; round < 5; round++) assert.match(await shown(`quiet ${round}`), /quiet/)
    assert.equal(isDrawn, false)
    busy.close()
    await drawn
  })

  const workerUrl = new URL('../support/failing-screen-worker.ts', import.meta.url)
  for (const how of ['crash', 'hang']) {
    it(`comes back as it was when another makes the thread ${how}, which begins anew`, async () => {
      const failing = new Screens({ workerUrl, stepDeadlineMs: 2_000 })
      const innocent = failing.create(size, nothing)
      innocent.write(bytes('\u001b[?1049h\u001b[5;5Hin the editor'))
      assert.match(textOf(await innocent.snapshot()), /in the editor/)
      innocent.write(bytes(' and on'))
      const culprit = failing.create(size, nothing)
      culprit.write(bytes(how))
      await assert.rejects(culprit.snapshot(), { code: 'timeout' })
      const text = textOf(await innocent.snapshot())
      assert.match(text, /\u001b\[\?1047h/)
      assert.match(text, /in the editor and on/)
      culprit.write(bytes('what comes later'))
      const again = textOf(await culprit.snapshot())
      assert.match(again, undrawn)
      assert.match(again, /what comes later/)
      await failing.close()
    })
  }

  it('is drawn no more once it took the thread three times, and asks for nothing then', async () => {
    const failing = new Screens({ workerUrl })
    const culprit = failing.create(size, nothing)
    for (let round = 0; round < 3; round++) {
      culprit.write(bytes('crash'))
      await assert.rejects(culprit.snapshot(), { code: 'timeout' })
    }
    culprit.write(Buffer.alloc(10 * 1024 * 1024, '\u001b[m'))
    assert.match(textOf(await culprit.snapshot()), undrawn)
    assert.equal(culprit.overloaded, false)
    await failing.close()
  })

  it('is not drawn twice for two who ask at once', async () => {
    const model = screens.create(size, nothing)
    model.write(bytes('once'))
    const [first, second] = await Promise.all([model.snapshot(), model.snapshot()])
    assert.equal(first, second)
    assert.equal(await model.snapshot(), first)
  })

  it('says when it has room again', async () => {
    const drained = Promise.withResolvers<void>()
    const model = screens.create(size, () => drained.resolve())
    for (let n = 0; n < 18; n++) model.write(Buffer.alloc(1024 * 1024, '\u001b[1mx'))
    assert.equal(model.overloaded, true)
    await drained.promise
    assert.equal(model.overloaded, false)
  })
})
