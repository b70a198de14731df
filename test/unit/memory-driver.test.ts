import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import { echoPrograms } from '../drivers/echo-driver.ts'
import { MemoryDriver } from '../drivers/memory-driver.ts'
import { MemoryHost } from '../drivers/memory-host.ts'
import { ScriptedPrograms } from '../drivers/scripted-program.ts'

const spec: DebugSpec = {
  sessionId: 'one',
  installation: 'test',
  user: 'jane',
  toolbox: { name: 'busybox', image: 'busybox:1', shell: ['/bin/sh'] },
  profile: 'auto',
  size: { cols: 80, rows: 24 },
  maxDurationMs: 600_000,
}

function ground() {
  const host = new MemoryHost('local', echoPrograms)
  const target = host.add('web')
  const driver = new MemoryDriver(host, 'test')
  const phases: string[] = []
  const open = (signal = AbortSignal.timeout(10_000)) =>
    driver.open(spec, target, ({ phase }) => phases.push(phase), signal)
  return { host, target, driver, open, phases }
}

/** Good days are the contract's; these are the faults that no engine makes on demand. */
describe('the in-memory driver', () => {
  it('is away, and there again with what ran meanwhile', async () => {
    const { host, driver, open } = ground()
    const { container } = await open()
    host.faults.away = new HatchwayError('backend_unavailable', 'It is away.')
    for (const call of [
      driver.check(),
      driver.list(),
      driver.listOwned(),
      driver.reattach(container),
      open(),
    ])
      await assert.rejects(call, { code: 'backend_unavailable' })
    host.faults.away = undefined
    assert.deepEqual(await driver.listOwned(), [container])
    await driver.stop(container)
  })

  it('refuses a start, of which nothing stays', async () => {
    const { host, open } = ground()
    host.faults.refused = new HatchwayError('start_failed', 'Not today.')
    await assert.rejects(open(), { code: 'start_failed' })
    assert.deepEqual(host.containers, [])
  })

  it('starts slowly, and can be given up meanwhile', async () => {
    const { host, driver, open, phases } = ground()
    const slow = Promise.withResolvers<void>()
    host.faults.slow = slow.promise
    const given = new AbortController()
    const abandoned = assert.rejects(open(given.signal), { code: 'cancelled' })
    given.abort()
    await abandoned
    const opening = open()
    assert.equal(phases.at(-1) === 'attaching', false)
    slow.resolve()
    const { container } = await opening
    assert.equal(phases.at(-1), 'attaching')
    await driver.stop(container)
  })

  it('loses an attachment, and the next one gets what came in between', async () => {
    const { host, driver, open } = ground()
    const { container, stream } = await open()
    const attached = host.container(container.id)?.attached
    attached?.lose('The cable was cut.')
    assert.deepEqual(await stream.ended, { kind: 'disconnected', detail: 'The cable was cut.' })
    assert.equal(stream.io.isOpen, false)
    const again = await driver.reattach(container)
    const shown = Promise.withResolvers<string>()
    again.io.read((bytes) => shown.resolve(Buffer.from(bytes).toString()))
    assert.equal(await shown.promise, '$ ')
    await driver.stop(container)
  })

  it('loses a target, and what has joined it with it', async () => {
    const { host, target, open } = ground()
    const { stream } = await open()
    await host.endTarget(target.id, 3)
    assert.deepEqual(await stream.ended, { kind: 'target-exited', detail: 'The target exited with code 3.' })
    await assert.rejects(open(), { code: 'target_not_running' })
  })

  it('ends a debug container as it is told to, and finds it by its session until then', async () => {
    const { host, driver, open } = ground()
    const { container, stream } = await open()
    assert.deepEqual(
      host.begun.map(({ sessionId }) => sessionId),
      ['one'],
    )
    await host.containerOf('one')?.end({ kind: 'removed', detail: 'It was killed by hand.' })
    assert.deepEqual(await stream.ended, { kind: 'removed', detail: 'It was killed by hand.' })
    assert.equal(host.containerOf('one'), undefined)
    await assert.rejects(driver.reattach(container), { code: 'session_ended' })
  })

  it('tells what a profile would not see, and what its lists lack', async () => {
    const { host, driver, target } = ground()
    assert.equal((await driver.identify(target, 'general')).uid, 65_532)
    assert.deepEqual(driver.problems(), [])
    host.faults.blind = { profiles: ['general'], reason: new HatchwayError('profile_insufficient', 'No.') }
    host.faults.lacks = ['It may not list jobs.']
    await assert.rejects(driver.identify(target, 'general'), { code: 'profile_insufficient' })
    assert.equal((await driver.identify(target, 'auto')).uid, 65_532)
    assert.deepEqual(driver.problems(), ['It may not list jobs.'])
  })
})

describe('a scripted program', () => {
  async function play() {
    const programs = new ScriptedPrograms({ prompt: '$ ' })
    const host = new MemoryHost('local', programs)
    const driver = new MemoryDriver(host, 'test')
    const signal = AbortSignal.timeout(10_000)
    const opened = await driver.open(spec, host.add('web'), () => undefined, signal)
    const program = programs.started.get(spec.sessionId)
    assert.ok(program)
    return { driver, ...opened, program }
  }

  it('reads slowly: what is typed meanwhile waits, and arrives in order', async () => {
    const { driver, container, stream, program } = await play()
    program.reads = false
    for (const text of ['a', 'b', 'c']) stream.io.write(Buffer.from(text))
    assert.deepEqual([program.typed, stream.io.unsentBytes], [['a'], 3])
    program.reads = true
    assert.deepEqual([program.typed, stream.io.unsentBytes], [['a', 'b', 'c'], 0])
    await driver.stop(container)
    assert.deepEqual(await stream.ended, { kind: 'exit', exitCode: 137 })
  })

  it('exits after what it has shown, also to a reader that pauses', async () => {
    const { driver, stream, program } = await play()
    const shown: string[] = []
    stream.io.read((bytes) => shown.push(Buffer.from(bytes).toString()))
    stream.io.pause()
    program.print('bye')
    program.exit(7)
    assert.equal(await program.exited, 7)
    assert.deepEqual(await driver.listOwned(), [])
    stream.io.resume()
    assert.deepEqual(await stream.ended, { kind: 'exit', exitCode: 7 })
    assert.equal(shown.join(''), '$ bye')
    assert.equal(stream.io.isOpen, false)
  })
})
