import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { ensureImages } from '../support/images.ts'
import { outputOf } from '../support/recordings.ts'

let containers: TestContainers
let target: TestContainer

before(async () => {
  const engine = await defaultEngine()
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  target = await containers.start({ image: 'web' })
})
after(() => containers.removeAll())

const flood = 'seq 1 2000000\n'
const policy = (recording: string) =>
  `rules: [{name: r, who: {everyone: true}, actions: [open, terminate, read-recording, read-audit], effect: allow, recording: ${recording}}]`

describe('a recording that can no longer be written', () => {
  it('ends a strict session: nothing is shown that is not recorded, and its container is gone', async () => {
    const gateway = await TestGateway.start({ policy: policy('strict'), fileLimitKiB: 2048 })
    try {
      const { session, terminal } = await gateway.open(`local/${target.name}`)
      terminal.type(flood)
      const { end } = await terminal.message('exit', undefined, 30_000)
      assert.equal(end.reason, 'recording-failed')
      assert.match(end.detail ?? '', /recording/i)
      const recorded = outputOf(
        await (await gateway.fetch('GET', `/sessions/${session.id}/recording`)).text(),
      )
      assert.ok(terminal.bytes.length > 500_000, 'the flood got as far as the limit')
      assert.ok(recorded.subarray(0, terminal.bytes.length).equals(terminal.bytes))
      await eventually(async () => {
        const filters = { label: [`hatchway.session=${session.id}`] }
        return (await containers.engine.docker.listContainers({ all: true, filters })).length === 0
      })
    } finally {
      await gateway.stop()
    }
  })

  it('lets a best-effort session go on, with a banner and an audit event', async () => {
    const gateway = await TestGateway.start({ policy: policy('best-effort'), fileLimitKiB: 2048 })
    try {
      const { session, terminal } = await gateway.open(`local/${target.name}`)
      terminal.type(flood)
      await terminal.message(
        'notice',
        ({ level, text }) => level === 'error' && text.includes('no longer recorded'),
        30_000,
      )
      terminal.type('\u0003')
      assert.equal(await terminal.run('echo still here', 30_000), 'still here')
      const { items } = await gateway.api<AuditList>(
        'GET',
        `/audit?session=${session.id}&kind=recording-degraded`,
      )
      assert.equal(items.length, 1)
    } finally {
      await gateway.stop()
    }
  })
})
