import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { HatchwayError, messageOf } from '../../server/core/errors.ts'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import type { Target } from '../../server/core/target.ts'
import { DockerDriver } from '../../server/drivers/docker/driver.ts'
import { PullProgress, readJsonLines } from '../../server/drivers/docker/pull-progress.ts'
import { ScriptedEngine } from '../support/scripted-engine.ts'

const toolbox = { name: 'tools', image: 'tools:1', shell: ['/bin/sh'] }
const spec: DebugSpec = {
  sessionId: 's1',
  installation: 'i1',
  user: 'jane',
  toolbox,
  profile: 'auto',
  size: { cols: 80, rows: 24 },
  maxDurationMs: 60_000,
}
const ref = (container: string) => ({ kind: 'docker', environment: 'local', container }) as const
const signal = AbortSignal.timeout(120_000)

/** What stands where something else is expected. `undefined` leaves the key out of the JSON. */
const oddities: readonly unknown[] = [null, undefined, 7, [null], {}]

describe('a Docker engine that answers oddly', () => {
  let engine: ScriptedEngine
  let driver: DockerDriver
  let answers: ScriptedEngine['answers']

  before(async () => {
    engine = await ScriptedEngine.start()
    engine.answers.set('GET /images/tools:1/json', {
      body: { Id: 'sha256:tools', Os: 'linux', Architecture: 'amd64' },
    })
    answers = new Map(engine.answers)
  })
  after(() => engine.close())
  beforeEach(() => {
    const resources = { memoryBytes: 1, nanoCpus: 1, pids: 1 }
    driver = new DockerDriver({
      environment: 'local',
      endpoint: { kind: 'unix', path: engine.socket },
      installation: 'i1',
      resources,
      timeouts: { restartWait: 0 },
    })
  })
  afterEach(() => {
    driver.close()
    engine.containers.clear()
    engine.answers.clear()
    for (const [asked, answer] of answers) engine.answers.set(asked, answer)
  })

  /** Every call about this container: each does what it can or refuses in words. */
  async function askAbout(name: string, target: Target): Promise<void> {
    const refusals = await Promise.all(
      [
        driver.find(ref(name), {}, signal),
        driver.identify(target, 'auto', signal),
        driver.open(spec, target, () => {}, signal),
        driver.reattach(
          { environment: 'local', id: target.id, sessionId: 's1', targetId: target.id },
          signal,
        ),
        driver.listOwned(signal),
        driver.check(signal),
      ].map(
        async (call: Promise<unknown>) =>
          await call.then(
            () => undefined,
            (cause: unknown) => cause,
          ),
      ),
    )
    for (const cause of refusals) {
      if (cause !== undefined) assert.ok(cause instanceof HatchwayError, `not in words: ${messageOf(cause)}`)
    }
  }

  const rowFields = 'Names Image ImageID Created Ports Labels State Status HostConfig NetworkSettings Mounts'
  for (const field of rowFields.split(' ')) {
    it(`shows one whose ${field} in the list is nothing, or something else, and all others`, async () => {
      for (const value of oddities) {
        engine.add('good')
        const id = engine.add('odd', { row: { [field]: value } })
        const targets = await driver.list({}, signal)
        assert.deepEqual(
          targets.map((target) => target.id).toSorted(),
          [...engine.containers.keys()].toSorted(),
        )
        const odd = targets.find((target) => target.id === id)
        assert.ok(odd !== undefined)
        for (const text of [odd.name, odd.image, odd.state, odd.status, ...odd.ports, ...odd.warnings])
          assert.equal(typeof text, 'string')
        assert.ok(!Number.isNaN(odd.createdAt.getTime()))
        await askAbout(odd.name, odd)
      }
    })
  }

  const parts = 'Name Image State HostConfig Config Mounts AppArmorProfile'.split(' ')
  const inner: Record<string, string> = {
    State: 'Status Running Pid StartedAt ExitCode Restarting OOMKilled',
    HostConfig:
      'PidMode NetworkMode UsernsMode SecurityOpt CapAdd CapDrop GroupAdd Privileged ReadonlyRootfs Binds',
    Config: 'User Labels Env Cmd',
  }
  const paths = [
    ...parts,
    ...Object.entries(inner).flatMap(([part, keys]) => keys.split(' ').map((key) => `${part}.${key}`)),
  ]
  for (const path of paths) {
    it(`lives with an inspected ${path} that is nothing, or something else`, async () => {
      const [part = '', key] = path.split('.')
      for (const value of oddities) {
        engine.add('good')
        const id = engine.add('odd')
        const { inspect } = engine.containers.get(id) ?? {}
        const whole = inspect as Record<string, Record<string, unknown>>
        engine.containers.set(id, {
          row: engine.containers.get(id)?.row ?? {},
          inspect: { ...whole, [part]: key === undefined ? value : { ...whole[part], [key]: value } },
        })
        const targets = await driver.list({}, signal)
        assert.deepEqual(targets.map(({ name }) => name).toSorted(), ['good', 'odd'])
        const odd = targets.find(({ name }) => name === 'odd')
        assert.ok(odd !== undefined)
        await askAbout('odd', odd)
      }
    })
  }

  it('says what it does not know of a container, and starts nothing beside it', async () => {
    engine.add('good')
    for (const part of ['State', 'HostConfig', 'Config']) {
      engine.add('odd', { inspect: { [part]: null } })
      const target = await driver.find(ref('odd'), {}, signal)
      await driver.list({}, signal)
      assert.match(driver.problems().join(' '), new RegExp(`how odd is set up: its answer has no ${part}\\.`))
      for (const call of [
        driver.identify(target, 'sysadmin', signal),
        driver.open(spec, target, () => {}, signal),
        driver.run({ ...spec, command: ['/bin/true'] }, target, () => {}, signal),
      ]) {
        await assert.rejects(call, { code: 'backend_unavailable', message: /Nothing is started beside it/ })
      }
    }
    assert.equal(engine.count('POST /containers/create'), 0)
    engine.add('odd')
    engine.tell('update', Buffer.from('odd').toString('hex').padEnd(64, '0'))
    await driver.list({}, signal)
  })

  it('lives with whole answers that are something else', async () => {
    engine.add('good')
    const good = await driver.find(ref('good'), {}, signal)
    const calls = [
      '/info',
      '/containers/json',
      `/containers/${good.id}/json`,
      `/containers/${good.id}/top`,
      '/images/tools:1/json',
    ]
    const bodies = [
      ...oddities,
      { Titles: null, Processes: null },
      { Titles: ['PID'], Processes: [null, ['1']] },
    ]
    for (const path of calls) {
      for (const body of bodies) {
        engine.answers.set(`GET ${path}`, { body: body === undefined ? '' : body })
        driver.client.reset()
        await askAbout('good', good)
        await driver.list({}, signal).catch((cause: unknown) => assert.ok(cause instanceof HatchwayError))
      }
      engine.answers.set(`GET ${path}`, (_request, response) => void response.end('{"Id": "cut'))
      await askAbout('good', good)
      engine.answers.set(`GET ${path}`, (_request, response) => response.destroy())
      await askAbout('good', good)
      engine.answers.delete(`GET ${path}`)
      for (const [asked, answer] of answers) engine.answers.set(asked, answer)
    }
    for (const body of oddities) {
      engine.answers.set('POST /containers/create', { status: 201, body: body ?? null })
      await assert.rejects(
        driver.open(spec, good, () => {}, signal),
        HatchwayError,
      )
    }
  })

  it('leaves out lines that name no container, and says so', async () => {
    engine.add('good')
    const lines = [
      {},
      { Id: null },
      { Id: 7, Names: ['/x'] },
      ...[...engine.containers.values()].map(({ row }) => row),
    ]
    engine.answers.set('GET /containers/json', { body: lines })
    assert.deepEqual(
      (await driver.list({}, signal)).map(({ name }) => name),
      ['good'],
    )
    assert.match(driver.problems().join(' '), /^3 lines of the engine's list name no container/)
  })

  it('lives with odd events', async () => {
    const id = engine.add('good')
    await driver.list({}, signal)
    await engine.listened()
    for (const line of ['null', '7', '{}', '{"Actor":null}', '{"Actor":{"ID":null},"id":7}', 'no JSON', '']) {
      engine.write(`${line}\n`)
    }
    engine.write('x'.repeat(5 * 1024 * 1024))
    assert.deepEqual(
      (await driver.list({}, signal)).map((target) => target.id),
      [id],
    )
  })

  it('knows Podman’s states', async () => {
    const expected = {
      configured: 'created',
      initialized: 'created',
      stopping: 'exited',
      stopped: 'exited',
      improper: 'dead',
      unknown: 'dead',
      '': 'dead',
    }
    for (const [state, shown] of Object.entries(expected)) {
      const State = { Status: state, Running: false, StartedAt: '0001-01-01T00:00:00Z' }
      engine.add('odd', { row: { State: state }, inspect: { State } })
      const target = await driver.find(ref('odd'), {}, signal)
      assert.equal(target.state, shown, state)
      await assert.rejects(
        driver.open(spec, target, () => {}, signal),
        {
          code: 'target_not_running',
          message: /^The container odd (was|is|does not run)/,
        },
      )
    }
    engine.add('odd', { row: { State: 'unknown' } })
    assert.equal((await driver.find(ref('odd'), {}, signal)).state, 'running')
  })
})

describe('a pull whose progress is odd', () => {
  it('goes on, whatever a line holds, until one says that it failed', async () => {
    const progress = new PullProgress()
    for (const key of ['status', 'id', 'progressDetail', 'error', 'errorDetail']) {
      for (const value of [null, undefined, 7, [null], {}, { current: null, total: 'x' }]) {
        progress.add({
          status: 'Downloading',
          id: 'a',
          progressDetail: { current: 1, total: 2 },
          [key]: value,
        })
      }
    }
    assert.equal(progress.currentBytes, 1)
    assert.throws(() => progress.add({ errorDetail: null, error: 'denied' }), /^Error: denied$/)
  })

  it('reads nulls and numbers as nothing, and gives up a line without an end', async () => {
    const read = async (...chunks: string[]) => {
      const lines: unknown[] = []
      for await (const line of readJsonLines(given(chunks))) lines.push(line)
      return lines
    }
    assert.deepEqual(await read('null\n7\n[1]\n{"status":"a"}'), [{}, {}, {}, { status: 'a' }])
    await assert.rejects(read('{"a":"', 'x'.repeat(2 * 1024 * 1024)), SyntaxError)
  })

  it('sums ten thousand layers at no cost to each line', () => {
    const progress = new PullProgress()
    for (let at = 0; at < 10_000; at++) {
      progress.add({ status: 'Downloading', id: String(at), progressDetail: { current: 1, total: 3 } })
      progress.add({ status: 'Download complete', id: String(at) })
    }
    assert.deepEqual([progress.currentBytes, progress.totalBytes], [30_000, 30_000])
  })
})

async function* given(chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk))
}
