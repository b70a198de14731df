/** What an interrupt makes stale is recorded and not shown; everything else is shown. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { HatchwayError } from '../../server/core/errors.ts'
import { flow } from '../../server/protocol/terminal.ts'
import { DirectoryRecordings } from '../../server/evidence/recordings.ts'
import { BacklogSkip } from '../../server/sessions/terminal/backlog-skip.ts'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import { eventually } from '../support/eventually.ts'
import { jane, sessionGround, type GroundOptions } from '../support/session-ground.ts'
import { TerminalPeer } from '../support/terminal-peer.ts'

const alex = { ...jane, subject: 'alex', name: 'Alex' }
const ctrlC = Buffer.from('\u0003')
const prompt = 'ready$'
const line = 'a line of a flood\r\n'
const lines = line.repeat(Math.ceil((64 * 1024) / line.length))

/** A controller and an observer of a program whose output lies in front of the gateway, which no longer reads. */
async function flooded(t: TestContext, options: GroundOptions = {}) {
  const ground = await sessionGround(t, options)
  const { session, program } = await ground.open()
  const controller = await TerminalPeer.join(session)
  const observer = await TerminalPeer.join(session, { who: alex, role: 'observer' })
  const rounds = 40
  for (let n = 0; n < rounds; n++) program.print(lines)
  await eventually(() => program.io.isPaused())
  assert.ok(program.io.readableLength > flow.highWater)
  return { ground, session, program, controller, observer, printed: rounds * lines.length }
}

const resetOf = (peer: TerminalPeer) => peer.messages.findLast((message) => message.type === 'reset')

describe('an interrupt', () => {
  it('skips what viewers have not seen, which is recorded, and shows the screen after it', async (t) => {
    const { ground, session, program, controller, observer, printed } = await flooded(t)
    controller.handle.input(ctrlC)
    program.print(prompt)
    const end = printed + prompt.length
    for (const peer of [controller, observer]) {
      await eventually(() => peer.output.includes(prompt))
      assert.equal(resetOf(peer)?.offset, end)
      assert.ok(peer.output.length < 1024 * 1024, String(peer.output.length))
    }
    // Both go on live, and are counted from there on.
    program.print('more')
    await eventually(() => controller.output.endsWith('more') && observer.output.endsWith('more'))
    const recorded = await text(await ground.recordings.read(session.row.id, undefined))
    assert.equal(recorded.split('a line of a flood').length - 1, printed / line.length)
  })

  it('sends nothing more of the flood to a viewer who is behind', async (t) => {
    const { program, controller } = await flooded(t)
    const before = controller.output.length
    controller.handle.input(ctrlC)
    program.print(prompt)
    await eventually(() => controller.output.includes(prompt))
    const reset = resetOf(controller) ?? assert.fail('no reset')
    assert.equal(controller.output.length - before, reset.snapshotBytes)
  })

  it('also skips what is in the way a moment later, until something else is typed', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    const controller = await TerminalPeer.join(session)
    controller.handle.input(ctrlC)
    for (let n = 0; n < 20; n++) program.print(lines)
    program.print(prompt)
    await eventually(() => controller.output.includes(prompt))
    assert.equal(resetOf(controller)?.offset, 20 * lines.length + prompt.length)

    controller.handle.input(Buffer.from('cat big\r'))
    for (let n = 0; n < 20; n++) program.print(lines)
    await eventually(() => program.io.isPaused())
    assert.equal(controller.messages.filter(({ type }) => type === 'reset').length, 1)
  })

  it('skips nothing where nobody is behind, and no other key does', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    const controller = await TerminalPeer.join(session)
    program.print(line)
    controller.handle.input(ctrlC)
    program.print(prompt)
    await eventually(() => controller.output === `${line}${prompt}`)

    for (let n = 0; n < 20; n++) program.print(lines)
    controller.handle.input(Buffer.from('a\u0003'))
    await eventually(() => program.io.isPaused())
    assert.equal(resetOf(controller), undefined)
  })

  it('that the program ignores is over after a while: its output is shown and held back again', async (t) => {
    const { program, controller } = await flooded(t)
    controller.handle.input(ctrlC)
    while (resetOf(controller) === undefined) {
      if (!program.io.isPaused()) program.print(lines)
      await turn()
    }
    for (let n = 0; n < 20; n++) program.print(lines)
    await eventually(() => program.io.isPaused() && controller.output.endsWith(line))
    const { offset } = resetOf(controller) ?? assert.fail('no reset')
    const shown = controller.output.length
    controller.handle.control({ type: 'ack', offset: offset + flow.highWater })
    await eventually(() => controller.output.length > shown)
    assert.equal(controller.closed, undefined)
  })

  it('lets nobody wait who comes meanwhile', async (t) => {
    const { session, program, controller } = await flooded(t)
    controller.handle.input(ctrlC)
    const late = await TerminalPeer.join(session, { who: alex, role: 'observer' })
    program.print(prompt)
    await eventually(() => late.output.includes(prompt) && controller.output.includes(prompt))
  })

  it('shows nothing of what could not be recorded', async (t) => {
    let isFull = false
    const recordings = (directory: string) => {
      const blobs = new DirectoryBlobs(join(directory, 'blobs'))
      const real = new DirectoryRecordings({ liveDir: join(directory, 'live'), blobs })
      const start = real.start.bind(real)
      real.start = async (header) => {
        const recorder = await start(header)
        const output = recorder.output.bind(recorder)
        recorder.output = (bytes) => {
          if (isFull) throw new HatchwayError('recording_failed', 'The disk is full.')
          output(bytes)
        }
        return recorder
      }
      return real
    }
    const { session, program, controller, observer } = await flooded(t, { recordings })
    isFull = true
    controller.handle.input(ctrlC)
    program.print('unrecorded')
    await eventually(() => controller.closed !== undefined && observer.closed !== undefined)
    assert.equal(session.ending, true)
    assert.doesNotMatch(controller.output + observer.output, /unrecorded/)
  })
})

describe('a skip', () => {
  const skip = () =>
    new BacklogSkip({ onChange: () => undefined, isHeld: () => false, onMaybeOver: () => undefined })

  it('ends after so many bytes, and does not begin again by itself', () => {
    const skipped = skip()
    skipped.typed(ctrlC)
    skipped.begin()
    for (let n = 0; n < 64; n++) {
      assert.ok(skipped.over)
      skipped.read(1024 * 1024)
    }
    assert.equal(skipped.over, undefined)
    assert.equal(skipped.isDue, false)
  })

  it('ends after so long, however the output flows', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const skipped = skip()
    skipped.typed(ctrlC)
    skipped.begin()
    let ms = 0
    for (; skipped.over !== undefined; ms += 40) {
      assert.ok(ms < 10_000)
      skipped.read(1)
      t.mock.timers.tick(40)
    }
    assert.ok(ms <= 3_040, String(ms))
  })

  it('leaves others their turns', async () => {
    let changes = 0
    const skipped = new BacklogSkip({
      onChange: () => changes++,
      isHeld: () => false,
      onMaybeOver: () => undefined,
    })
    skipped.typed(ctrlC)
    skipped.begin()
    skipped.read(300 * 1024)
    assert.equal(skipped.isBreathing, true)
    await turn()
    assert.equal(skipped.isBreathing, false)
    assert.equal(changes, 1)
    skipped.end()
  })
})
