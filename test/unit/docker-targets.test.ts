import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Target } from '../../server/core/target.ts'
import { DockerClient } from '../../server/drivers/docker/client.ts'
import { DockerDriver } from '../../server/drivers/docker/driver.ts'
import { DockerTargets } from '../../server/drivers/docker/targets.ts'
import { eventually } from '../support/eventually.ts'
import { ScriptedEngine } from '../support/scripted-engine.ts'

const signal = AbortSignal.timeout(120_000)
const inspects = 'GET /containers/'

describe('the list of a Docker engine', () => {
  let engine: ScriptedEngine
  let client: DockerClient
  let targets: DockerTargets

  before(async () => {
    engine = await ScriptedEngine.start()
  })
  after(() => engine.close())
  beforeEach(() => {
    engine.tellsEvents = true
    client = new DockerClient({ kind: 'unix', path: engine.socket }, 'local')
    targets = new DockerTargets(client)
  })
  afterEach(() => {
    targets.close()
    client.close()
    engine.containers.clear()
  })

  /** How often containers were inspected while this was done. */
  async function inspected(work: () => Promise<unknown>): Promise<number> {
    const count = () =>
      engine.asked.filter((line) => line.startsWith(inspects) && line.endsWith('/json')).length
    const lists = () => engine.count('GET /containers/json')
    const before = count() - lists()
    await work()
    return count() - lists() - before
  }

  /** Lists until every container has its details. */
  async function settled(): Promise<Target[]> {
    return await eventually(
      async () => {
        const list = await targets.list(signal)
        assert.ok(list.every(({ hasShell, startedAt }) => hasShell === false && startedAt !== undefined))
        return list
      },
      { what: 'details of every container' },
    )
  }

  const named = (list: readonly Target[], name: string) => list.find((target) => target.name === name)
  const userOf = async (name: string) => named(await targets.list(signal), name)?.user

  it('tells ports in an order of their own, whatever that of the engine is', async () => {
    const Ports = [
      { PrivatePort: 7003, PublicPort: 18901, Type: 'tcp' },
      { PrivatePort: 443, Type: 'tcp' },
      { PrivatePort: 7001, PublicPort: 18906, Type: 'tcp' },
    ]
    engine.add('web', { row: { Ports } })
    const ports = ['443/tcp', '18906->7001/tcp', '18901->7003/tcp']
    assert.deepEqual(named(await targets.list(signal), 'web')?.ports, ports)
  })

  it('looks at each container once, and again only when something has happened to it', async () => {
    for (let at = 0; at < 30; at++) engine.add(`web-${at}`)
    const first = await settled()
    await engine.listened()
    assert.equal(
      await inspected(async () => {
        for (let at = 0; at < 5; at++) assert.deepEqual(await targets.list(signal), first)
      }),
      0,
    )
    const again = await targets.list(signal)
    assert.ok(
      again.every((target) => first.includes(target)),
      'the same objects as long as nothing changes',
    )
    const id = engine.add('web-3', { inspect: { Config: { User: '7:8', Labels: {} } } })
    engine.tell('update', id)
    await eventually(async () => (await inspected(() => targets.list(signal))) === 1, { what: 'one look' })
    assert.equal(await inspected(() => targets.list(signal)), 0)
    const changed = await targets.list(signal)
    assert.equal(changed.filter((target) => !first.includes(target)).length, 1)
    assert.notEqual(named(changed, 'web-3'), named(first, 'web-3'))
  })

  it('asks the engine once for all who ask at the same time', async () => {
    engine.add('web')
    await settled()
    const before = engine.count('GET /containers/json')
    const lists = await Promise.all(Array.from({ length: 100 }, () => targets.list(signal)))
    assert.equal(engine.count('GET /containers/json') - before, 2)
    assert.ok(lists.every((list) => list.length === 1))
  })

  it('has what began a moment ago, no more what has gone, and other names and states at once, without any event', async () => {
    const id = engine.add('web')
    await settled()
    engine.add('new')
    assert.ok(named(await targets.list(signal), 'new') !== undefined)
    engine.add('web', {
      row: { Names: ['/renamed'], State: 'paused', Status: 'Up 2 hours (Paused)' },
      inspect: {
        State: { Status: 'paused', Running: true, Paused: true, StartedAt: '2026-01-01T00:00:00Z' },
      },
    })
    const list = await targets.list(signal)
    assert.deepEqual([named(list, 'renamed')?.state, named(list, 'renamed')?.id], ['paused', id])
    assert.match(named(list, 'renamed')?.warnings.join() ?? '', /Frozen/)
    engine.containers.delete(id)
    assert.deepEqual(
      (await targets.list(signal)).map(({ name }) => name),
      ['new'],
    )
  })

  it('knows a restarted container anew, also when no event told of it', async () => {
    engine.add('web')
    await settled()
    await engine.listened()
    const exited = { Status: 'exited', Running: false, StartedAt: '2026-01-01T00:00:00Z' }
    engine.add('web', { row: { State: 'exited', Status: 'Exited (1)' }, inspect: { State: exited } })
    await eventually(async () => (await inspected(() => targets.list(signal))) === 0, { what: 'the exit' })
    const started = { Status: 'running', Running: true, StartedAt: '2026-02-02T00:00:00Z' }
    const id = engine.add('web', { inspect: { State: started, Config: { User: '9:9', Labels: {} } } })
    const list = await eventually(async () => {
      const [target] = await targets.list(signal)
      return target?.startedAt?.toISOString() === '2026-02-02T00:00:00.000Z' && target
    })
    assert.deepEqual([list.id, list.state], [id, 'running'])
  })

  it('looks at every container again after a gap: a lost stream, a restarted engine, one that was away', async () => {
    for (let at = 0; at < 5; at++) engine.add(`web-${at}`)
    await settled()
    await engine.listened()
    await engine.down()
    await assert.rejects(targets.list(signal), { code: 'backend_unavailable' })
    // Nobody heard of this.
    engine.add('web-1', { inspect: { HostConfig: { NetworkMode: 'default', Privileged: true } } })
    await engine.up()
    const warned = async () => named(await targets.list(signal), 'web-1')?.warnings.join() ?? ''
    await eventually(async () => /Privileged/.test(await warned()), { what: 'the change to be seen' })
    await engine.listened()
    await settled()
    assert.equal(await inspected(() => targets.list(signal)), 0)
    // The stream alone breaks.
    engine.endEvents()
    engine.add('web-2', { inspect: { HostConfig: { NetworkMode: 'default', ReadonlyRootfs: true } } })
    const readOnly = async () => named(await targets.list(signal), 'web-2')?.warnings.join() ?? ''
    await eventually(async () => /Read-only/.test(await readOnly()), { what: 'the second change to be seen' })
  })

  it('looks at every container each time on an engine that tells of no events', async () => {
    engine.tellsEvents = false
    engine.add('web')
    await settled()
    assert.equal(await inspected(() => targets.list(signal)), 1)
    engine.add('web', { inspect: { HostConfig: { NetworkMode: 'default', Privileged: true } } })
    assert.match((await targets.list(signal))[0]?.warnings.join() ?? '', /Privileged/)
  })

  it('does not wait for an engine that hangs over events or over one container', async () => {
    engine.answers.set('GET /events', () => {})
    const id = engine.add('hangs')
    engine.answers.set(`GET /containers/${id}/json`, () => {})
    engine.add('web')
    const list = await targets.list(signal)
    assert.deepEqual(list.map(({ name }) => name).toSorted(), ['hangs', 'web'])
    assert.equal(named(list, 'hangs')?.startedAt, undefined)
    await eventually(async () => (await userOf('web')) === '65532:65532', { what: 'the other’s user' })
    engine.answers.delete('GET /events')
    engine.answers.delete(`GET /containers/${id}/json`)
  })

  it('does not forget what happens to a container between two questions about it', async () => {
    const id = engine.add('web')
    await settled()
    await engine.listened()
    const rows = () => JSON.stringify([...engine.containers.values()].map(({ row }) => row))
    const held = Promise.withResolvers<() => void>()
    let isFirst = true
    engine.answers.set('GET /containers/json', (_request, response) => {
      const answer = () => void response.setHeader('content-type', 'application/json').end(rows())
      if (isFirst) held.resolve(answer)
      else answer()
      isFirst = false
    })
    const inspections = engine.count(`GET /containers/web/json`)
    const finding = targets.find('web', signal)
    const answer = await held.promise
    await eventually(() => engine.count(`GET /containers/web/json`) > inspections)
    engine.add('web', { inspect: { HostConfig: { NetworkMode: 'default', Privileged: true } } })
    engine.tell('update', id)
    const warnings = async () => named(await targets.list(signal), 'web')?.warnings.join() ?? ''
    await eventually(async () => /Privileged/.test(await warnings()), { what: 'the change to be heard of' })
    answer()
    await finding
    assert.match(await warnings(), /Privileged/)
    engine.answers.delete('GET /containers/json')
  })

  it('keeps nothing of containers that have gone', async () => {
    const id = engine.add('web')
    await settled()
    assert.ok(targets.known(id) !== undefined)
    engine.containers.clear()
    await targets.list(signal)
    assert.equal(targets.known(id), undefined)
  })
})

describe('whose container it is', () => {
  const labels = {
    'hatchway.session': 's1',
    'hatchway.installation': 'i1',
    'hatchway.target': 't1',
    'hatchway.user': 'jane',
    'hatchway.deadline': '2030-01-01T00:00:00Z',
  }

  it('is told by the name as well: an image can bring all labels, and neither hides nor ends its containers', async (t) => {
    const engine = await ScriptedEngine.start()
    const resources = { memoryBytes: 1, nanoCpus: 1, pids: 1 }
    const endpoint = { kind: 'unix', path: engine.socket } as const
    const driver = new DockerDriver({ environment: 'local', endpoint, installation: 'i1', resources })
    t.after(async () => {
      driver.close()
      await engine.close()
    })
    const own = engine.add('hatchway-s1', { row: { Labels: labels } })
    engine.add('labelled', { row: { Labels: labels } })
    engine.add('hatchway-s2', { row: { Labels: labels } })
    engine.add('hatchway-s3', { row: { Labels: {} } })
    engine.add('linked', { row: { Labels: labels, Names: ['/linked', '/other/hatchway-s1'] } })
    const shown = (await driver.list({}, signal)).map(({ name, ownSession }) => [name, ownSession])
    assert.deepEqual(Object.fromEntries(shown), {
      'hatchway-s1': 's1',
      labelled: undefined,
      'hatchway-s2': undefined,
      'hatchway-s3': undefined,
      linked: undefined,
    })
    assert.deepEqual(await driver.listOwned(signal), [
      { environment: 'local', id: own, sessionId: 's1', targetId: 't1' },
    ])
  })
})
