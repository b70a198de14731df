import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { PolicyExplanation, PolicySimulation } from '../../server/protocol/approval-api.ts'
import { policyFromText } from '../../server/policy/compile-policy.ts'
import { describeMemoryTarget } from '../drivers/memory-targets.ts'
import { sharedHttpGateway } from '../support/http-gateway.ts'

const text = `
rules:
  - {name: auditors, who: {groups: [audit]}, actions: [read-audit], effect: allow}
  - {name: everybody sees the shop, who: {everyone: true}, actions: [list], where: {targets: [shop]}, effect: allow}
  - {name: engineers open the shop, who: {groups: [engineers]}, actions: [open], where: {targets: [shop]}, effect: allow}
  - {name: only keepers open the vault, who: {groups: [keepers]}, actions: [open], where: {targets: [vault]}, effect: allow}
`
const policy = policyFromText(text)
const secretPolicy = 'rules: [{name: fired, who: {subjects: [mallory]}, actions: [open], effect: deny}]'

describe('questions to policy over HTTP', () => {
  const shared = sharedHttpGateway({ policy })
  before(() => {
    const { local } = Object.fromEntries(shared().hosts)
    assert.ok(local)
    local.targets = ['shop', 'vault'].map((name, index) => describeMemoryTarget('local', name, index))
  })

  async function ask(path: string, subject: string, groups: string[], body?: object) {
    const token = await shared().issuer.token(subject, { groups })
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const answer = await shared().call(`/api/v1/policy/${path}`, token, init)
    return { status: answer.status, body: (await answer.json()) as unknown }
  }
  const explain = (query: string, subject = 'ada', groups = ['engineers']) =>
    ask(`explain?${query}`, subject, groups)
  const simulate = (body: object, groups = ['audit']) =>
    ask('simulate', 'lea', groups, { user: 'ada', policy: text, ...body })

  /** The answer without what names the request and the target that was asked for. */
  function bare({ status, body }: { status: number; body: unknown }, name: string) {
    const { instance: _instance, ...problem } = body as { instance?: string }
    return JSON.stringify({ status, problem }).replaceAll(name, 'NAME')
  }

  it('say the same of what is hidden and of what is not there, whoever they are about', async () => {
    const askers: ((name: string) => Promise<{ status: number; body: unknown }>)[] = [
      (name) => explain(`target=local/${name}`),
      (name) => explain(`target=local/${name}&action=list`),
      (name) => explain(`target=local/${name}&profile=general&toolbox=busybox&at=2026-11-24T03:00:00Z`),
      (name) => explain(`target=local/${name}&user=kim&groups=keepers`, 'lea', ['audit']),
      (name) => simulate({ target: `local/${name}`, groups: ['keepers'] }),
    ]
    for (const asker of askers) {
      const hidden = bare(await asker('vault'), 'vault')
      assert.equal(hidden, bare(await asker('never'), 'never'))
      assert.match(hidden, /"status":404.*target_not_found/)
      assert.doesNotMatch(hidden, /keepers/)
    }
  })

  it('tell an ordinary caller of no rule about other targets or other people’s actions', async () => {
    const { status, body } = await explain('target=local/shop')
    assert.equal(status, 200)
    assert.equal((body as PolicyExplanation).effect, 'allow')
    assert.deepEqual((body as PolicyExplanation).rules, ['engineers open the shop'])
    assert.equal((body as PolicyExplanation).missed, undefined)
    const denied = await explain('target=local/shop', 'ivy', [])
    assert.equal((denied.body as PolicyExplanation).effect, 'deny')
    for (const answer of [body, denied.body])
      assert.doesNotMatch(JSON.stringify(answer), /vault|keepers|auditors/)
  })

  it('tell who may read the audit log of every rule that misses, and of all that it lacks', async () => {
    for (const query of ['target=local/shop', 'target=local/shop&user=ada&groups=engineers']) {
      const { body } = await explain(query, 'lea', ['audit', 'engineers'])
      const { matching, missed = [] } = body as PolicyExplanation
      assert.deepEqual(
        matching.map(({ name }) => name),
        ['engineers open the shop'],
      )
      assert.deepEqual(missed.at(-1), {
        name: 'only keepers open the vault',
        effect: 'allow',
        lacks: ['who', 'where'],
      })
      assert.equal(matching.length + missed.length, 4)
    }
  })

  it('about others need the right, and the refusal is in the audit log', async () => {
    for (const query of ['target=local/shop&user=bob', 'target=local/shop&user=ada&groups=engineers']) {
      const { status, body } = await explain(query)
      assert.deepEqual([status, (body as { code: string }).code], [403, 'forbidden'])
    }
    assert.equal((await simulate({ target: 'local/shop' }, ['engineers'])).status, 403)
    assert.equal((await explain('groups=audit&target=local/shop')).status, 400)
    const { items } = await shared().store.listAudit({ kinds: ['denied'], limit: 10 })
    assert.equal(items.filter(({ action }) => action === 'read-audit').length, 3)
  })

  it('compare a changed policy, which nobody keeps and which is not in force', async () => {
    const { body } = await simulate({ target: 'local/shop', groups: ['engineers'], policy: secretPolicy })
    const { before, after, problems } = body as PolicySimulation
    assert.deepEqual([before.effect, after?.effect, problems], ['allow', 'deny', []])
    assert.notEqual(before.policyVersion, after?.policyVersion)
    const audit = await shared().store.listAudit({ kinds: ['policy-simulated'], limit: 10 })
    assert.deepEqual(audit.items[0]?.detail, { user: 'ada' })
    assert.doesNotMatch(JSON.stringify(audit) + shared().log.join(''), /mallory|fired/)
    assert.equal(((await explain('target=local/shop')).body as PolicyExplanation).effect, 'allow')
  })

  it('name line and column of every problem of a changed policy', async () => {
    const broken =
      'rules:\n  - {name: x, who: {everyone: true}, actions: [fly], effect: allow, colour: red}\n'
    const { body } = await simulate({ target: 'local/shop', policy: broken })
    const { before, after, problems } = body as PolicySimulation
    assert.equal(before.effect, 'deny')
    assert.equal(after, undefined)
    const places = problems.map(({ line, column, path }) => {
      const row = broken.split('\n')[(line ?? 0) - 1] ?? ''
      return [path, row.slice((column ?? 0) - 1).split(/[\]:]/)[0]]
    })
    assert.deepEqual(places, [
      ['rules[0].actions[0]', 'fly'],
      ['rules[0].colour', 'colour'],
    ])
    const unclosed = (await simulate({ target: 'local/shop', policy: 'rules:\n  - {name: x' })).body
    assert.equal((unclosed as PolicySimulation).problems[0]?.line, 2)
    assert.ok((unclosed as PolicySimulation).problems[0]?.column !== undefined)
  })

  it('are read beside the loop: others are answered meanwhile, and one person has one at a time', async () => {
    const rule = (n: number) =>
      `  - {name: r${n}, who: {groups: [g${n}]}, actions: [open], where: {targets: ["svc-${n}-*"]}, effect: allow}\n`
    const large = `rules:\n${Array.from({ length: 2000 }, (_, n) => rule(n)).join('')}`
    const busy = new AbortController()
    const first = simulate({ target: 'local/shop', policy: large }).finally(() => busy.abort())
    let refused: { status: number } | undefined
    let answered = 0
    while (!busy.signal.aborted) {
      assert.equal((await shared().call('/livez')).status, 200)
      if (busy.signal.aborted) break
      answered++
      if (answered > 5) refused ??= await simulate({ target: 'local/shop', policy: secretPolicy })
    }
    assert.equal((await first).status, 200)
    assert.ok(answered > 10, `${answered} were answered meanwhile`)
    assert.equal(refused?.status, 429)
  })

  it('name the first hundred problems of a policy that has more', async () => {
    const broken = `rules:\n${'  - {colour: red}\n'.repeat(200)}`
    const { body } = await simulate({ target: 'local/shop', policy: broken })
    assert.equal((body as PolicySimulation).problems.length, 100)
  })

  it('take no policy that is too large', async () => {
    assert.equal((await simulate({ target: 'local/shop', policy: '#'.repeat(1024 * 1024 + 1) })).status, 400)
    assert.equal((await simulate({ target: 'local/shop', policy: '#'.repeat(3 * 1024 * 1024) })).status, 413)
  })
})
