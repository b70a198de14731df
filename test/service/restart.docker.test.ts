import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { closeCodes } from '../../server/protocol/terminal.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { ensureImages } from '../support/images.ts'
import { markersOf, outputOf } from '../support/recordings.ts'

let containers: TestContainers
let target: TestContainer

before(async () => {
  const engine = await defaultEngine()
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  target = await containers.start({ image: 'web' })
})
after(() => containers.removeAll())

const ref = () => `local/${target.name}`
const sidecars = (label: string) =>
  containers.engine.docker.listContainers({ all: true, filters: { label: [label] } })

async function recordingOf(gateway: TestGateway, id: string): Promise<string> {
  await eventually(
    async () => (await gateway.api<Session>('GET', `/sessions/${id}`)).recording.state === 'sealed',
    { what: 'the recording to be sealed' },
  )
  return (await gateway.fetch('GET', `/sessions/${id}/recording`)).text()
}

describe('a restart of the gateway', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`by ${signal} leaves the shell running; the viewer goes on where it was`, async () => {
      const gateway = await TestGateway.start()
      try {
        const { session, terminal } = await gateway.open(ref())
        const pid = await terminal.run('echo $$; x=kept')
        await gateway.down(signal)
        const { code } = await terminal.closed
        assert.equal(code, signal === 'SIGTERM' ? closeCodes.restart : 1006)
        const before = terminal.bytes
        await gateway.up()
        const again = await gateway.connect(session.id, { offset: terminal.offset })
        assert.equal((await again.message('hello')).offset, terminal.offset)
        assert.equal(await again.run('echo $$'), pid)
        assert.equal(await again.run('echo $x'), 'kept')
        again.type('exit\n')
        await again.message('exit')
        const recording = await recordingOf(gateway, session.id)
        assert.ok(outputOf(recording).equals(Buffer.concat([before, again.bytes])))
        assert.ok(markersOf(recording).some((label) => label.startsWith('gateway restarted')))
        const { items } = await gateway.api<AuditList>('GET', `/audit?session=${session.id}`)
        assert.ok(items.some(({ kind }) => kind === 'adopted'))
      } finally {
        await gateway.stop()
      }
    })
  }

  it('draws the screen of before for a viewer that comes without an offset', async () => {
    const gateway = await TestGateway.start()
    try {
      const { session, terminal } = await gateway.open(ref())
      await terminal.run('seq 1 300000 | tail -c 1800000', 30_000)
      await gateway.down('SIGKILL')
      await gateway.up()
      const again = await gateway.connect(session.id)
      await again.message('reset')
      await again.expect(/299999\s+300000/)
    } finally {
      await gateway.stop()
    }
  })

  it('ends what died meanwhile, and seals its recording', async () => {
    const gateway = await TestGateway.start()
    try {
      const { session, terminal } = await gateway.open(ref())
      await terminal.run('echo before the crash')
      await gateway.down('SIGKILL')
      for (const { Id } of await sidecars(`hatchway.session=${session.id}`)) await containers.remove(Id)
      await gateway.up()
      const recording = await recordingOf(gateway, session.id)
      assert.match(outputOf(recording).toString(), /before the crash/)
      assert.equal((await gateway.api<Session>('GET', `/sessions/${session.id}`)).end?.reason, 'lost')
    } finally {
      await gateway.stop()
    }
  })

  it('ends a session that was starting, and its container', async () => {
    const gateway = await TestGateway.start()
    try {
      const session = await gateway.api<Session>('POST', '/sessions', { target: ref() })
      await gateway.down('SIGKILL')
      await gateway.up()
      await eventually(async () => {
        const { state, end } = await gateway.api<Session>('GET', `/sessions/${session.id}`)
        return state === 'ended' && end?.reason === 'failed'
      })
      await eventually(async () => (await sidecars(`hatchway.session=${session.id}`)).length === 0)
    } finally {
      await gateway.stop()
    }
  })
})

describe('the reaper', () => {
  it('removes what no session claims, and nothing of another installation on the same engine', async () => {
    const [one, two] = await Promise.all([TestGateway.start(), TestGateway.start()])
    try {
      const mine = await one.open(ref())
      const theirs = await two.open(ref())
      const [sidecar] = await sidecars(`hatchway.session=${mine.session.id}`)
      const installation = sidecar?.Labels['hatchway.installation'] ?? ''
      const nobodys = `nobodys-${installation}`
      const labels = {
        'hatchway.installation': installation,
        'hatchway.session': nobodys,
        'hatchway.target': target.id,
      }
      const labelled = { image: 'toolbox', cmd: ['sleep', '600'], labels } as const
      const orphan = await containers.start({ ...labelled, name: `hatchway-${nobodys}` })
      // An image can bring the labels, and no name.
      const stranger = await containers.start(labelled)
      await one.down('SIGTERM')
      await one.up()
      await eventually(async () => (await sidecars(`hatchway.session=${nobodys}`)).length === 1)
      const { items } = await one.api<AuditList>('GET', '/audit?kind=reaped')
      assert.deepEqual(
        items.map(({ detail }) => detail?.['container']),
        [orphan.id],
      )
      assert.equal((await sidecars(`hatchway.session=${nobodys}`))[0]?.Id, stranger.id)
      assert.equal((await sidecars(`hatchway.session=${mine.session.id}`)).length, 1)
      assert.equal(await theirs.terminal.run('echo still here'), 'still here')
    } finally {
      await Promise.all([one.stop(), two.stop()])
    }
  })
})
