import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import { echoPrograms } from '../drivers/echo-driver.ts'
import { MemoryDriver } from '../drivers/memory-driver.ts'
import { MemoryHost } from '../drivers/memory-host.ts'

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
})
