/** A process that somebody asked for: what the engine tells of it, who is shown it, and what starts. */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { createSessionLedger } from '../../server/gateway/session-ledger.ts'
import { createSessionJudge } from '../../server/gateway/session-judge.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import type { Notification } from '../../server/core/notification.ts'
import type { Profile } from '../../server/core/vocabulary.ts'
import type { Identity } from '../../server/core/identity.ts'
import type { Problem } from '../../server/protocol/api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { SessionApprovals } from '../../server/sessions/life/approvals.ts'
import { DockerDriver } from '../../server/drivers/docker/driver.ts'
import { eventually } from '../support/eventually.ts'
import { startHttpGateway } from '../support/http-gateway.ts'
import { everybodyMayAll, policyOf } from '../support/policies.ts'
import { ScriptedEngine } from '../support/scripted-engine.ts'
import { sessionGround } from '../support/session-ground.ts'

const signal = AbortSignal.timeout(120_000)

describe('the processes of a container, by an engine elsewhere', () => {
  const titles = ['PID', 'PPID', 'EUID', 'EGID', 'SUPGID', 'COMMAND']
  const rows = [
    ['700', '1', '0', '0', '0', 'tini'],
    ['701', '700', '1000', '1000', '1000,44', 'node'],
    ['702', '700', '33', '33', '33', 'old <defunct>'],
    ['703', '700', '999', '999', '999', 'redis'],
    ['704', '700', '0', '0', '0', 'cron'],
  ]
  let engine: ScriptedEngine
  let driver: DockerDriver
  let id: string

  before(async () => {
    engine = await ScriptedEngine.start()
  })
  after(() => engine.close())
  beforeEach(() => {
    const resources = { memoryBytes: 1, nanoCpus: 1, pids: 1 }
    const endpoint = { kind: 'unix', path: engine.socket } as const
    driver = new DockerDriver({ environment: 'local', endpoint, installation: 'i1', resources })
    id = engine.add('web', {
      inspect: { State: { Status: 'running', Running: true, Pid: 700, StartedAt: '2026-01-01T00:00:00Z' } },
    })
    tell(rows)
  })
  afterEach(() => driver.close())

  const tell = (told: string[][]) =>
    engine.answers.set(`GET /containers/${id}/top`, { body: { Titles: titles, Processes: told } })
  const web = () => driver.find({ kind: 'docker', environment: 'local', container: 'web' }, {}, signal)
  const identify = async (process?: string, profile: Profile = 'auto') =>
    await driver.identify(await web(), profile, signal, process === undefined ? {} : { process })

  it('are offered without those that have ended, and the one that is found comes first', async () => {
    assert.deepEqual(await driver.processes(await web(), signal), {
      items: [
        { process: 'node', name: 'node', user: '1000:1000', found: true },
        { process: 'redis', name: 'redis', user: '999:999', found: false },
        { process: 'cron', name: 'cron', user: '0:0', found: false },
      ],
      total: 3,
    })
  })

  it('decide who a session runs as, and give nobody the root of another', async () => {
    assert.deepEqual([(await identify()).uid, (await identify('redis')).uid], [1000, 999])
    assert.equal((await identify('cron', 'general')).uid, 0)
    await assert.rejects(identify('cron'), { code: 'profile_insufficient' })
    await assert.rejects(identify('gone'), {
      code: 'process_not_found',
      message: /It has: tini, node, redis/,
    })
  })

  it('are not told of where there are none to tell of, and none can be chosen', async () => {
    tell([])
    assert.equal(await driver.processes(await web(), signal), undefined)
    await assert.rejects(identify('node'), { code: 'process_not_found', message: /can't be told from here/ })
  })

  it('are not told of where the numbers of users mean nothing in it', async (t) => {
    const told = engine.answers.get('GET /info') ?? assert.fail()
    t.after(() => engine.answers.set('GET /info', told))
    engine.answers.set('GET /info', { body: { OSType: 'linux', SecurityOptions: ['name=userns'] } })
    assert.equal(await driver.processes(await web(), signal), undefined)
    await assert.rejects(identify('node'), { code: 'process_not_found' })
  })

  it('are asked for once, however many want to know at the same time', async () => {
    const target = await web()
    engine.asked.length = 0
    const profiles = ['auto', 'general', 'baseline', 'restricted', 'netadmin'] as const
    const asks = profiles.map((profile) => driver.identify(target, profile, signal, { process: 'redis' }))
    await Promise.all([...asks, driver.processes(target, signal)])
    assert.ok(engine.count(`GET /containers/${id}/top`) <= 2)
  })

  it('are read by the place of each cell, and left out where one is no number', async () => {
    const odd = [
      ['701', null, '1000', '1000', '', 'shifted'],
      ['702', '700', '', '1000', '', 'nobody'],
      ['703', '700', '0x0', '0', '', 'hex'],
      ['704', '700', '999', '999', null, 'redis'],
    ] as string[][]
    tell([rows[0] ?? [], ...odd])
    const told = await driver.processes(await web(), signal)
    assert.deepEqual(
      told?.items.map(({ name, user }) => `${name} ${user}`),
      ['redis 999:999'],
    )
  })

  it('may be ten thousand, with names of any length: the first two thousand are looked at', async () => {
    const more = Array.from({ length: 10_000 }, (_, at) => [
      String(1000 + at),
      '700',
      '1000',
      '1000',
      '1000',
      `w${at}\u202e${'x'.repeat(1000)}`,
    ])
    tell([...rows, ...more])
    const told = await driver.processes(await web(), signal)
    assert.equal(told?.total, 1998)
    const words = JSON.stringify(told)
    assert.ok(words.length < 10_000)
    assert.ok(!words.includes('\u202e'))
    await assert.rejects(
      identify('gone'),
      ({ message }: Error) => message.length < 1000 && !message.includes('\u202e'),
    )
  })
})

/** Members of `askers` need one of `leads`, the others nothing. */
const policy = policyOf(everybodyMayAll, {
  name: 'four eyes',
  who: { groups: ['askers'] },
  actions: ['open'],
  effect: 'require-approval',
  approval: { groups: ['leads'] },
  breakGlass: { groups: ['askers'] },
})

type Answer = Partial<Session> & Partial<Problem> & Pick<TargetDetail, 'options'>

async function stage(t: { after(fn: () => unknown): void }) {
  const ground = await sessionGround(t, { policy })
  const { driver, host, registry, refusing } = ground
  const identity: Identity = {
    uid: 999,
    gid: 999,
    groups: [],
    capabilities: [],
    seesFiles: true,
    process: { name: 'redis', user: '999:999', pid: 9, others: 1, chosen: true },
    explanation: 'Runs as 999:999 like redis, which was chosen.',
  }
  driver.identify = async (_target, profile, _signal?: AbortSignal, wish?: { process?: string }) => {
    if (wish?.process === 'gone') throw new HatchwayError('process_not_found', 'It has: 7 node, 9 redis.')
    if (wish?.process === 'cron' && profile === 'auto')
      throw new HatchwayError('profile_insufficient', 'It runs as root.')
    return identity
  }
  const found = { process: '9', name: 'redis', pid: 9, user: '999:999', found: false }
  Object.assign(driver, { processes: async () => ({ items: [found], total: 1 }) })
  const told: Notification[] = []
  const approvals = new SessionApprovals({
    store: createSessionLedger(refusing.store),
    registry,
    drivers: new Map([['local', driver]]),
    toolboxes: [{ name: 'busybox', image: 'busybox:1', shell: ['/bin/sh'] }],
    judge: (at) => createSessionJudge(policy.at(at)),
    notify: (notification) => told.push(notification),
    expiresAfterMs: 600_000,
    onProblem: (what, cause) => assert.fail(`${what}: ${String(cause)}`),
  })
  t.after(() => approvals.close())
  const gateway = await startHttpGateway(t, {
    policy,
    change: () => ({
      approvals,
      sessions: registry,
      store: refusing.store,
      drivers: new Map([['local', driver]]),
    }),
  })
  const ask = async (who: string, path: string, body?: object) => {
    const token = await gateway.issuer.token(who, { groups: [who] })
    const request = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const answer = await gateway.call(`/api/v1${path}`, token, request)
    return { status: answer.status, body: (await answer.json()) as Answer }
  }
  const events = async (kind: 'opened' | 'denied' | 'approval-requested') =>
    (await refusing.store.listAudit({ kinds: [kind], limit: 10 })).items
  return { ground, told, ask, events, host, gateway }
}

describe('a session about a process that was asked for', () => {
  const wish = { target: 'local/web-1', reason: 'INC-1', process: '9' }

  it('says so in its answer, its event, its row and its recording, and starts with it', async (t) => {
    const { ask, host, events, ground } = await stage(t)
    const { status, body } = await ask('admins', '/sessions', wish)
    assert.deepEqual([status, body.process], [201, '9'])
    await eventually(() => host.begun.length === 1)
    assert.deepEqual(host.begun[0]?.process, { asked: '9' })
    const [opened] = await events('opened')
    assert.equal(opened?.detail?.['process'], '9')
    assert.equal((await ground.row(body.id ?? '')).process, '9')
    await eventually(async () => (await ground.row(body.id ?? '')).state === 'running')
    assert.match(await text(await ground.recordings.read(body.id ?? '', undefined)), /^\{.*"process":"9"/)
  })

  it('shows its approvers which one, and starts with no other', async (t) => {
    const { ask, host, events, told } = await stage(t)
    const asked = await ask('askers', '/sessions', wish)
    assert.deepEqual([asked.status, asked.body.process], [202, '9'])
    assert.equal(asked.body.identity?.process?.name, 'redis')
    assert.equal((await events('approval-requested'))[0]?.detail?.['process'], '9')
    assert.equal(told[0]?.session.process, '9')
    const seen = await ask('admins', `/sessions/${asked.body.id}`)
    assert.equal(seen.body.process, '9')
    await ask('leads', `/sessions/${asked.body.id}/decision`, { decision: 'approve' })
    await eventually(() => host.begun.length === 1)
    assert.deepEqual(host.begun[0]?.process, {
      asked: '9',
      approved: { name: 'redis', user: '999:999' },
    })
  })

  it('is refused before anything starts when it is not there, or would be a way to root', async (t) => {
    const { ask, host, events } = await stage(t)
    const command = { command: ['id'], timeoutSeconds: 5 }
    for (const [path, rest] of [
      ['/sessions', {}],
      ['/runs', command],
    ] as const) {
      const gone = await ask('admins', path, { ...wish, ...rest, process: 'gone' })
      assert.deepEqual([gone.status, gone.body.code], [404, 'process_not_found'])
      assert.match(gone.body.detail ?? '', /It has: 7 node, 9 redis/)
      const root = await ask('admins', path, { ...wish, ...rest, process: 'cron' })
      assert.deepEqual([root.status, root.body.code], [403, 'profile_insufficient'])
    }
    assert.equal(host.begun.length, 0)
    assert.deepEqual(
      (await events('denied')).map(({ reason, target }) => [reason, target]),
      Array.from({ length: 2 }, () => ['It runs as root.', 'local/web-1']),
    )
    for (const process of ['', 'x'.repeat(65), 'a\u202eb', 'a\u0000'])
      assert.equal((await ask('admins', '/sessions', { ...wish, process })).status, 400)
  })

  it('can be chosen from what the form is told, with what each profile makes of it', async (t) => {
    const { ask } = await stage(t)
    const { body } = await ask('admins', '/targets/local/web-1?process=cron')
    assert.deepEqual(
      body.options?.processes?.items.map(({ process }) => process),
      ['9'],
    )
    const [auto, general] = body.options?.profiles ?? []
    assert.deepEqual([auto?.problem, general?.problem], ['It runs as root.', undefined])
  })
})
