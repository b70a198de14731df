import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { Session } from '../../server/protocol/session-api.ts'
import type { TargetList } from '../../server/protocol/target-api.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { TestGateway } from '../support/gateway.ts'
import { attemptTerminal } from '../support/http-socket.ts'
import { ensureImages } from '../support/images.ts'
import { behindProxy, ManyAddresses } from '../support/many-addresses.ts'
import { readRoutes, type Route } from '../support/open-api.ts'

// eve has a right of each kind, but none on what is hidden.
const policy = `
rules:
  - name: house
    who: {subjects: [jane]}
    actions: [list, open, watch, terminate, read-recording, read-audit]
    effect: allow
  - name: open ones
    who: {subjects: [eve]}
    actions: [list, open, watch, terminate, read-recording, approve]
    where: {labels: {tier: open}}
    effect: allow
  - name: asks for more
    who: {subjects: [ada]}
    actions: [open]
    effect: require-approval
    approval: {groups: [leads]}
`

let gateway: TestGateway
let attacker: ManyAddresses
let containers: TestContainers
let hidden: TestContainer
let seen: TestContainer
let live: Session
let past: Session
let waiting: Session
let routes: Route[]
let token: string

before(async () => {
  const engine = await defaultEngine()
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  hidden = await containers.start({ image: 'web', name: `hidden-${randomBytes(6).toString('hex')}` })
  seen = await containers.start({ image: 'web', labels: { tier: 'open' } })
  gateway = await TestGateway.start({ policy, config: behindProxy })
  attacker = new ManyAddresses(gateway)
  token = await gateway.token('eve')
  const first = await gateway.open(`local/${hidden.name}`)
  first.terminal.type('exit\n')
  await first.terminal.message('exit')
  past = first.session
  live = (await gateway.open(`local/${hidden.name}`)).session
  waiting = await gateway.api<Session>('POST', '/sessions', { target: `local/${hidden.name}` }, 'ada')
  routes = await readRoutes(gateway.url)
})
after(async () => {
  await gateway.stop()
  await containers.removeAll()
})

/** As long as the hidden one, so that no length tells them apart. */
const absentName = () => `hidden-${randomBytes(6).toString('hex')}`

/** Of the same form as a session's id. */
const absentId = () => live.id.slice(0, -6) + randomBytes(3).toString('hex')

async function ask(
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; headers: object; text: string }> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const answer = await attacker.raw(method, path, {
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const { date: _date, ...rest } = answer.headers
  return { status: answer.status, headers: rest, text: answer.text.replace(/"instance":"[^"]*"/, '') }
}

/** The whole answer has to be the same, but for the name that was asked for. */
async function assertAlike(
  what: string,
  there: string,
  absent: string,
  question: (name: string) => Promise<{ status: number; headers: object; text: string }>,
): Promise<void> {
  const shown = async (name: string) => {
    const { status, headers, text } = await question(name)
    return { status, headers, text: text.replaceAll(name, 'NAME') }
  }
  assert.deepEqual(await shown(there), await shown(absent), what)
}

const bodies: Record<string, object> = {
  decideSession: { decision: 'deny', reason: 'x' },
  reviewSession: { verdict: 'justified', reason: 'x' },
  terminateSession: { reason: 'x' },
}

describe('what may not be known', () => {
  it('is answered like what does not exist, on every route that takes an id', async () => {
    const withId = routes.filter(({ path }) => path.includes('{id}'))
    assert.ok(withId.length >= 8)
    for (const route of withId) {
      for (const session of [live, past, waiting]) {
        await assertAlike(`${route.operationId} of a ${session.state} one`, session.id, absentId(), (id) =>
          ask(route.method, route.path.replace('{id}', id), bodies[route.operationId]),
        )
      }
    }
    // All three are as they were.
    const states = await Promise.all(
      [live, past, waiting].map(({ id }) => gateway.api<Session>('GET', `/sessions/${id}`)),
    )
    assert.deepEqual(
      states.map(({ state }) => state),
      ['running', 'ended', 'pending-approval'],
    )
  })

  it('is answered like what does not exist by the terminal', async () => {
    for (const session of [live, past, waiting]) {
      await assertAlike('the terminal', session.id, absentId(), async (id) => {
        const made = await attemptTerminal(`${gateway.url}/api/v1/sessions/${id}/terminal`, {
          headers: { authorization: `Bearer ${token}` },
        })
        assert.ok('status' in made)
        const { instance: _instance, ...problem } = made.problem
        return { status: made.status, headers: {}, text: JSON.stringify(problem) }
      })
    }
  })

  it('is answered like what does not exist, wherever a target is named', async () => {
    const wishes: object[] = [
      {},
      { toolbox: 'none' },
      { toolbox: 'busybox', profile: 'sysadmin' },
      { reason: 'x', ticket: 'y' },
      { breakGlass: true },
      { breakGlass: true, reason: 'x' },
      { command: ['/bin/true'] },
      { pick: 'ready' },
      { copy: true },
    ]
    const names: [string, () => string][] = [
      [hidden.name, absentName],
      [hidden.id, () => randomBytes(32).toString('hex')],
      [hidden.id.slice(0, 12), () => randomBytes(6).toString('hex')],
    ]
    for (const [there, absent] of names) {
      for (const wish of wishes) {
        await assertAlike(`to open it with ${JSON.stringify(wish)}`, there, absent(), (name) =>
          ask('POST', '/api/v1/sessions', { target: `local/${name}`, ...wish }),
        )
      }
      for (const wish of [{}, { toolbox: 'none' }, { profile: 'sysadmin' }, { reason: 'x', ticket: 'y' }]) {
        const run = { command: ['/bin/true'], timeoutSeconds: 5, ...wish }
        await assertAlike(`to run with ${JSON.stringify(wish)}`, there, absent(), (name) =>
          ask('POST', '/api/v1/runs', { target: `local/${name}`, ...run }),
        )
      }
      for (const query of ['', '?pick=ready'])
        await assertAlike('to look at it', there, absent(), (name) =>
          ask('GET', `/api/v1/targets/local/${name}${query}`),
        )
      for (const query of ['', '&action=list', '&toolbox=none', '&profile=sysadmin'])
        await assertAlike('to explain it', there, absent(), (name) =>
          ask('GET', `/api/v1/policy/explain?target=local/${name}${query}`),
        )
      await assertAlike('to simulate it', there, absent(), (name) =>
        ask('POST', '/api/v1/policy/simulate', { target: `local/${name}`, user: 'eve', policy: 'rules: []' }),
      )
    }
  })

  it('is in no list, count, filter or page', async () => {
    const everything = JSON.stringify([
      await ask('GET', '/api/v1/targets?limit=200'),
      await ask('GET', `/api/v1/targets?q=${hidden.name}`),
      await ask('GET', '/api/v1/sessions?limit=200'),
      await ask('GET', '/api/v1/sessions?state=pending-approval'),
      await ask('GET', '/api/v1/approvals'),
      await ask('GET', '/api/v1/audit'),
    ])
    for (const secret of [hidden.name, hidden.id, live.id, past.id, waiting.id])
      assert.ok(!everything.includes(secret), secret)
    const list = JSON.parse((await ask('GET', '/api/v1/targets')).text) as TargetList
    assert.deepEqual(
      list.items.map(({ name }) => name),
      [seen.name],
    )
    assert.equal(list.total, 1)
    assert.equal(
      Object.values(list.states).reduce((sum, count) => sum + count, 0),
      1,
    )
    for (const [parameter, there, absent] of [
      ['target', `local/${hidden.name}`, `local/${absentName()}`],
      ['user', 'jane', 'nina'],
      ['q', hidden.name, absentName()],
    ] as const)
      await assertAlike(`sessions by ${parameter}`, there, absent, (value) =>
        ask('GET', `/api/v1/sessions?${parameter}=${value}`),
      )
  })

  it('is told by no name that fits several: an id prefix that others share', async () => {
    const prefix = hidden.id.slice(0, 1)
    const { text, status } = await ask('GET', `/api/v1/targets/local/${prefix}`)
    assert.ok(!text.includes(hidden.name), text)
    assert.ok([200, 404, 409].includes(status))
  })

  it('takes as long as what does not exist', async () => {
    const questions: Record<string, (there: boolean) => string> = {
      'a target': (there) => `/api/v1/targets/local/${there ? hidden.name : absentName()}`,
      'a session': (there) => `/api/v1/sessions/${there ? past.id : absentId()}`,
      'a recording': (there) => `/api/v1/sessions/${there ? past.id : absentId()}/recording`,
      'a live session': (there) => `/api/v1/sessions/${there ? live.id : absentId()}`,
    }
    for (const [what, path] of Object.entries(questions)) {
      const times: Record<'there' | 'absent', number[]> = { there: [], absent: [] }
      for (let round = 0; round < 120; round++) {
        for (const key of round % 2 === 0 ? (['there', 'absent'] as const) : (['absent', 'there'] as const)) {
          const from = performance.now()
          await ask('GET', path(key === 'there'))
          times[key].push(performance.now() - from)
        }
      }
      const [there, absent] = [quartile(times.there), quartile(times.absent)]
      const difference = Math.abs(there - absent)
      assert.ok(
        difference < Math.max(1, absent / 2),
        `${what}: ${there.toFixed(2)} ms, absent ${absent.toFixed(2)} ms`,
      )
    }
  })
})

/** Of the quick ones: what else the machine did is in the slow ones. */
function quartile(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 4)] ?? 0
}
