import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Session } from '../../server/protocol/session-api.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { ensureImages } from '../support/images.ts'
import { outputOf } from '../support/recordings.ts'

const kills = 100

let containers: TestContainers
let target: TestContainer
let gateway: TestGateway

before(async () => {
  const engine = await defaultEngine()
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  target = await containers.start({ image: 'web' })
  gateway = await TestGateway.start()
})
after(async () => {
  try {
    await gateway.stop()
  } finally {
    await containers.removeAll()
  }
})

describe('100 kills of the gateway', () => {
  it('lose no byte that a viewer was shown', async () => {
    const { session, terminal } = await gateway.open(`local/${target.name}`)
    // Slow enough that what comes during a restart stays within the ring: this is about kills, not about floods.
    // Several writes for each sleep, which is a process of its own: a machine that starts thousands of them has time for nothing else.
    const write = 'for j in 1 2 3 4 5 6; do echo "line $i.$j é€ of a busy terminal"; done'
    terminal.type(`i=0; while :; do i=$((i+1)); ${write}; usleep 5000; done\n`)
    let viewer = terminal
    const shown: { offset: number; bytes: Buffer }[] = []
    let from = 0
    for (let kill = 1; kill <= kills; kill++) {
      // Not at the same point of each life, so that kills fall on every kind of moment.
      await viewer.reach(viewer.offset + 1000 + ((kill * 7919) % 20_000), 20_000)
      await gateway.down('SIGKILL')
      await viewer.closed
      shown.push({ offset: from, bytes: viewer.bytes })
      from = viewer.offset
      await gateway.up()
      viewer = await gateway.connect(session.id, { offset: from })
      assert.equal((await viewer.message('hello')).offset, from, `after kill ${kill}`)
    }
    await gateway.api('DELETE', `/sessions/${session.id}`)
    await eventually(
      async () => (await gateway.api<Session>('GET', `/sessions/${session.id}`)).recording.state === 'sealed',
    )
    const recorded = outputOf(await (await gateway.fetch('GET', `/sessions/${session.id}/recording`)).text())
    let missing = 0
    for (const { offset, bytes } of shown) {
      const there = recorded.subarray(offset, offset + bytes.length)
      if (!there.equals(bytes)) missing += bytes.length
    }
    assert.equal(missing, 0)
  })
})
