import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type Docker from 'dockerode'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { TestGateway } from '../support/gateway.ts'
import { ensureImages } from '../support/images.ts'
import type { TerminalClient } from '../support/terminal-client.ts'

// ada may open everything that gives nothing but itself; kim also what a rule names; nobody may be sysadmin but root.
const policy = `
rules:
  - name: house
    who: {subjects: [ada, kim, bob]}
    actions: [list, open, run]
    effect: allow
  - name: what kim may reach besides
    who: {subjects: [kim]}
    actions: [open]
    where: {facts: [hostPid, engineSocket, extraCapabilities, unconfined]}
    effect: allow
  - name: not by the network of the host
    who: {everyone: true}
    actions: [open]
    where: {facts: [hostNetwork]}
    effect: deny
  - name: one at a time
    who: {everyone: true}
    actions: [open]
    where: {labels: {tier: alone}}
    effect: allow
    exclusive: true
  - name: replays
    who: {subjects: [jane]}
    actions: [read-recording, read-audit]
    effect: allow
`

let gateway: TestGateway
let containers: TestContainers

before(async () => {
  const engine = await defaultEngine()
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  gateway = await TestGateway.start({ policy })
})
after(async () => {
  await gateway.stop()
  await containers.removeAll()
})

const start = (host: Docker.HostConfig, labels: Record<string, string> = {}) =>
  containers.start({ image: 'web', host, labels })
const refOf = ({ name }: TestContainer) => `local/${name}`
const detail = async (target: TestContainer, who: string) =>
  await gateway.api<TargetDetail>('GET', `/targets/${encodeURIComponent(refOf(target))}`, undefined, who)

async function refusal(target: TestContainer, who: string, profile: string) {
  const answer = await gateway.fetch('POST', '/sessions', { target: refOf(target), profile }, who)
  const { code, detail } = (await answer.json()) as { code: string; detail: string }
  return { status: answer.status, code, detail }
}

describe('a target by which a shell has power over its host', () => {
  it('is opened by nobody whose rules name neither sysadmin nor what it has, with any profile', async () => {
    const agent = await start({ PidMode: 'host' })
    const strong = { CapAdd: ['SYS_ADMIN', 'SYS_MODULE'], SecurityOpt: ['seccomp=unconfined'] }
    const targets: [TestContainer, readonly string[]][] = [
      [await start({ PidMode: `container:${agent.name}` }), ['hostPid']],
      [await start({ Binds: ['/var/run/docker.sock:/var/run/docker.sock:ro'] }), ['engineSocket']],
      [await start(strong), ['extraCapabilities', 'unconfined']],
    ]
    for (const [target, facts] of targets) {
      const seen = await detail(target, 'ada')
      assert.deepEqual(seen.facts, facts)
      assert.equal(seen.canOpen, false)
      assert.match(seen.denied ?? '', new RegExp(`where: {facts: \\[${facts.join(', ')}\\]}`))
      assert.equal(seen.warnings.length >= facts.length, true, seen.warnings.join('; '))
      for (const profile of ['auto', 'general', 'baseline', 'restricted']) {
        const refused = await refusal(target, 'ada', profile)
        assert.deepEqual([refused.status, refused.code], [403, 'profile_insufficient'])
      }
      const { session, terminal } = await gateway.open(refOf(target), { who: 'kim' })
      assert.deepEqual(session.target.facts, facts)
      const { items } = await gateway.api<AuditList>('GET', `/audit?session=${session.id}`)
      assert.equal(items.find(({ kind }) => kind === 'opened')?.detail?.['facts'], facts.join(','))
      terminal.type('exit\n')
      await terminal.message('exit')
    }
  })

  it('is denied by a rule that names what it has, by whatever chain', async () => {
    const agent = await start({ NetworkMode: 'host' })
    const target = await start({ NetworkMode: `container:${agent.name}` })
    for (const who of ['ada', 'kim']) {
      const refused = await refusal(target, who, 'auto')
      assert.deepEqual([refused.status, refused.code], [403, 'forbidden'])
    }
  })
})

describe('two people in one target', () => {
  it('are told of each other, and so are both recordings, from the second one’s start on', async () => {
    const target = await start({})
    const first = await gateway.open(refOf(target), { who: 'ada' })
    const second = await gateway.open(refOf(target), { who: 'bob' })
    const same = await gateway.open(refOf(target), { who: 'bob' })
    for (const { terminal } of [first, second]) await noticed(terminal)
    for (const [{ session }, others] of [
      [first, [second, same]],
      [second, [first]],
    ] as const) {
      const text = await (await gateway.fetch('GET', `/sessions/${session.id}/recording`)).text()
      const marks = [...text.matchAll(/"m", ?"session (\w+) of another person/g)].map(([, id]) => id)
      assert.deepEqual(
        marks,
        others.map((other) => other.session.id),
      )
    }
  })

  it('are one at a time where a rule says exclusive, whoever was first, and not told who it is', async () => {
    const target = await start({}, { tier: 'alone' })
    const { terminal } = await gateway.open(refOf(target), { who: 'ada' })
    const refused = await refusal(target, 'bob', 'auto')
    assert.deepEqual([refused.status, refused.code], [409, 'target_in_use'])
    assert.match(refused.detail, /^Somebody else has a session in /)
    const own = await gateway.open(refOf(target), { who: 'ada' })
    for (const one of [terminal, own.terminal]) {
      one.type('exit\n')
      await one.message('exit')
      await one.closed
    }
    await gateway.open(refOf(target), { who: 'bob' })
  })

  it('may not come at the same moment either', async () => {
    const target = await start({}, { tier: 'alone' })
    const people = ['ada', 'bob', 'kim']
    const answers = await Promise.all(
      people.map((who) => gateway.fetch('POST', '/sessions', { target: refOf(target) }, who)),
    )
    const taken = answers.filter(({ status }) => status === 201)
    assert.deepEqual([taken.length, answers.filter(({ status }) => status === 409).length], [1, 2])
  })
})

async function noticed(terminal: TerminalClient): Promise<void> {
  const { text } = await terminal.message('notice', ({ text }) => /Somebody else/.test(text))
  assert.match(text, /can see and change what is typed/)
}
