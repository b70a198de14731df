import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import type { StartProgress } from '../../server/core/driver.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import { terminal } from '../../server/sessions/kinds/terminal.ts'
import { HeldOpening } from '../../server/sessions/life/held-opening.ts'
import { echoPrograms } from '../drivers/echo-driver.ts'
import { MemoryDriver } from '../drivers/memory-driver.ts'
import { MemoryHost } from '../drivers/memory-host.ts'

const spec: DebugSpec = {
  sessionId: 's1',
  installation: 'i1',
  user: 'ada',
  toolbox: { name: 'busybox', image: 'busybox:1', shell: ['/bin/sh'] },
  profile: 'auto',
  size: { cols: 80, rows: 24 },
  maxDurationMs: 60_000,
}
const refusal = new HatchwayError('recording_failed', 'It cannot be recorded.')

describe('a debug container that is made while its session is stored', () => {
  let host: MemoryHost
  let opening: HeldOpening
  let controller: AbortController
  const phases: string[] = []
  const onProgress = ({ phase }: StartProgress) => void phases.push(phase)
  const take = (mayBegin: Promise<unknown> = Promise.resolve()) =>
    opening.take(onProgress, controller.signal, mayBegin)
  const begin = () => {
    const access = new MemoryDriver(host, 'i1')
    opening = new HeldOpening({ kind: terminal, access, spec, target: host.add('web') })
  }
  /** Until all that has not to wait is done. */
  const turn = () => new Promise((resolve) => setImmediate(resolve))

  beforeEach(() => {
    phases.length = 0
    controller = new AbortController()
    host = new MemoryHost('local', echoPrograms)
    begin()
  })

  it('begins when its session takes it, and tells what it does from then on', async () => {
    await turn()
    assert.deepEqual([host.containers.length, phases], [0, []])
    const { container } = await take()
    assert.deepEqual(
      [host.containers.map(({ description }) => description.id), phases],
      [[container.id], ['attaching']],
    )
  })

  it('waits for what its session still waits for', async () => {
    const recorded = Promise.withResolvers<void>()
    const opening = take(recorded.promise)
    await turn()
    assert.equal(host.containers.length, 0)
    recorded.resolve()
    await opening
    assert.equal(host.containers.length, 1)
  })

  it('begins never when that fails', async () => {
    await assert.rejects(take(Promise.reject(refusal)), refusal)
    assert.equal(host.containers.length, 0)
  })

  it('begins never when it is dropped, before or after', async () => {
    await opening.drop()
    await assert.rejects(take())
    await turn()
    assert.equal(host.containers.length, 0)
  })

  it('ends with the session that has taken it', async () => {
    const opening = take(new Promise(() => {}))
    controller.abort()
    await assert.rejects(opening, { code: 'cancelled' })
    assert.equal(host.containers.length, 0)
  })

  it('tells why it could not be made to who takes it, and else to nobody', async () => {
    host.faults.refused = new HatchwayError('start_failed', 'No room.')
    begin()
    await turn()
    await assert.rejects(take(), { code: 'start_failed' })
  })
})
