import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { ApprovalList, Session, SessionList } from '../../server/protocol/session-api.ts'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { PolicyExplanation } from '../../server/protocol/approval-api.ts'
import { closeCodes } from '../../server/protocol/terminal.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { ensureImages } from '../support/images.ts'

// jane looks after the tests: she ends what is left and reads the audit log.
const house = `
  - {name: house, who: {subjects: [jane]}, actions: [list, terminate, read-audit], effect: allow}
  - {name: leads approve, who: {groups: [leads, security]}, actions: [approve], effect: allow}
`
const fourEyes = (change = '') => `
rules:
  - name: four eyes
    who: {groups: [engineers]}
    actions: [open]
    effect: require-approval
    approval: {groups: [leads], count: 1}
    ${change}
${house}`

let gateway: TestGateway
let target: TestContainer
let containers: TestContainers

before(async () => {
  const engine = await defaultEngine()
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  target = await containers.start({ image: 'web' })
  gateway = await start()
})
after(async () => {
  await gateway.stop()
  await containers.removeAll()
})

async function start(options: { policy?: string; expiresAfter?: string } = {}): Promise<TestGateway> {
  const { policy = fourEyes(), expiresAfter = '1h' } = options
  const started = await TestGateway.start({ policy, config: { approvals: { expiresAfter } } })
  Object.assign(started.groups, {
    ada: ['engineers'],
    eve: ['engineers', 'leads'],
    lea: ['leads'],
    leo: ['leads'],
    sam: ['security'],
    ivy: ['interns'],
  })
  return started
}

const ref = () => `local/${target.name}`
const ask = (on = gateway, who = 'ada', body: object = {}) =>
  on.api<Session>('POST', '/sessions', { target: ref(), reason: 'INC-7', ...body }, who)
const get = (id: string, who = 'ada', on = gateway) =>
  on.api<Session>('GET', `/sessions/${id}`, undefined, who)
const decide = (id: string, who: string, decision: string, reason?: string, on = gateway) =>
  on.api<Session>('POST', `/sessions/${id}/decision`, { decision, reason }, who)
const waiting = async (who: string, on = gateway) =>
  (await on.api<ApprovalList>('GET', '/approvals', undefined, who)).requests.map(({ id }) => id)
const ended = (id: string, who = 'ada', on = gateway) =>
  eventually(
    async () => {
      const session = await get(id, who, on)
      return session.state === 'ended' && session
    },
    { what: 'the session to end' },
  )
const setPolicy = (on: TestGateway, text: string) => writeFile(join(on.directory, 'policy.yaml'), text)
async function kindsOf(id: string, on = gateway): Promise<string[]> {
  const { items } = await on.api<AuditList>('GET', `/audit?session=${id}`)
  return items.map(({ kind }) => kind).toReversed()
}

describe('a request', () => {
  it('waits, is seen as it would run, is approved, and goes on by itself on the same socket', async () => {
    const answer = await gateway.fetch('POST', '/sessions', { target: ref(), reason: 'INC-7' }, 'ada')
    assert.equal(answer.status, 202)
    const { id } = (await answer.json()) as Session
    assert.equal(answer.headers.get('location'), `/api/v1/sessions/${id}`)
    const terminal = await gateway.connect(id, { who: 'ada' })
    assert.equal((await terminal.message('state')).state, 'pending-approval')

    assert.deepEqual(await waiting('lea'), [id])
    assert.deepEqual(await waiting('ada'), [])
    const seen = await get(id, 'lea')
    assert.equal(seen.state, 'pending-approval')
    assert.equal(seen.target.resolved.id, target.id)
    assert.equal(seen.identity?.uid, 65532)
    assert.equal(seen.reason, 'INC-7')
    assert.equal(seen.can.decide, true)
    assert.deepEqual(seen.approval?.needs, [{ rule: 'four eyes', groups: ['leads'], count: 1, given: 0 }])
    assert.match(seen.approval?.plan.image ?? '', /toolbox/)
    assert.equal((await get(id)).can.decide, false)

    const approved = await decide(id, 'lea', 'approve')
    assert.equal(approved.approval?.outcome, 'approved')
    await terminal.expect(/[#$] /)
    assert.equal(await terminal.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
    terminal.type('exit\n')
    assert.equal((await terminal.message('exit')).end.reason, 'exit')
    assert.deepEqual(
      (await kindsOf(id)).filter((kind) => kind !== 'viewed'),
      ['approval-requested', 'approved', 'opened', 'started', 'ended'],
    )
    await assert.rejects(decide(id, 'leo', 'approve'), /409 already_decided/)
  })

  it('is denied only with a reason, which its requester gets', async () => {
    const { id } = await ask()
    const terminal = await gateway.connect(id, { who: 'ada' })
    await assert.rejects(decide(id, 'lea', 'deny'), /400 invalid_request/)
    await assert.rejects(decide(id, 'lea', 'deny', '   '), /400 invalid_request/)
    const denied = await decide(id, 'lea', 'deny', 'use staging')
    assert.equal(denied.approval?.outcome, 'denied')
    const { end } = await terminal.message('exit')
    assert.deepEqual(
      [end.reason, end.code, end.by?.subject, end.detail],
      ['denied', 'approval_denied', 'lea', 'use staging'],
    )
    assert.equal((await terminal.closed).code, closeCodes.ended)
    assert.deepEqual((await kindsOf(id)).filter((kind) => kind !== 'viewed').slice(1), [
      'approval-denied',
      'ended',
    ])
  })

  it('is decided on by nobody who may not, and by nobody for themselves', async () => {
    const { id } = await ask(gateway, 'eve')
    await assert.rejects(decide(id, 'eve', 'approve'), /403 own_request/)
    // The same person with another spelling, as an identity provider that ignores case lets them in.
    gateway.groups['EVE'] = ['leads']
    await assert.rejects(decide(id, 'EVE', 'approve'), /404 session_not_found/)
    await assert.rejects(decide(id, 'sam', 'approve'), /404 session_not_found/)
    await assert.rejects(decide(id, 'ivy', 'approve'), /404 session_not_found/)
    await assert.rejects(decide(id, 'ada', 'approve'), /404 session_not_found/)
    assert.deepEqual(await waiting('eve'), [])
    assert.equal((await get(id, 'eve')).state, 'pending-approval')
    assert.ok((await kindsOf(id)).includes('denied'))
    await gateway.api('DELETE', `/sessions/${id}`, undefined, 'eve')
  })

  it('is withdrawn by its requester', async () => {
    const { id } = await ask()
    const withdrawn = await gateway.api<Session>('DELETE', `/sessions/${id}`, undefined, 'ada')
    assert.equal(withdrawn.state, 'ended')
    assert.equal(withdrawn.approval?.outcome, 'withdrawn')
    assert.equal(withdrawn.end?.by?.subject, 'ada')
    assert.deepEqual(await kindsOf(id), ['approval-requested', 'withdrawn', 'ended'])
    await assert.rejects(decide(id, 'lea', 'approve'), /409 already_decided/)
  })

  it('is listed by its state, for those who may know of it', async () => {
    const { id } = await ask()
    const listed = async (who: string) =>
      (await gateway.api<SessionList>('GET', '/sessions?state=pending-approval', undefined, who)).items.map(
        (session) => session.id,
      )
    assert.deepEqual(await listed('ada'), [id])
    assert.deepEqual(await listed('lea'), [id])
    assert.deepEqual(await listed('ivy'), [])
    await gateway.api('DELETE', `/sessions/${id}`, undefined, 'ada')
  })

  it('is for one container: not for another one that took over its name', async () => {
    const doomed = await containers.start({ image: 'web' })
    const { id } = await ask(gateway, 'ada', { target: `local/${doomed.name}` })
    await doomed.container.remove({ force: true })
    await containers.start({ image: 'web', name: doomed.name })
    await decide(id, 'lea', 'approve')
    const { end, approval } = await ended(id)
    assert.equal(end?.reason, 'failed')
    assert.match(end?.detail ?? '', /is gone\. Ask again/)
    assert.equal(approval?.outcome, 'void')
  })

  it('cannot skip the approval where policy does not say so', async () => {
    await assert.rejects(
      ask(gateway, 'ada', { breakGlass: true }),
      /403 forbidden: Policy does not let you start without/,
    )
  })
})

describe('a request with little time', () => {
  it('expires, and is not revived by a late approval', async () => {
    const hasty = await start({ expiresAfter: '2s' })
    try {
      const { id } = await ask(hasty)
      const terminal = await hasty.connect(id, { who: 'ada' })
      assert.equal((await terminal.message('exit')).end.reason, 'expired')
      await assert.rejects(decide(id, 'lea', 'approve', undefined, hasty), /409 already_decided/)
      assert.equal((await get(id, 'ada', hasty)).approval?.outcome, 'expired')
    } finally {
      await hasty.stop()
    }
  })
})

describe('a request over a restart', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`by ${signal} goes on waiting, with the approval that it has, and starts with the second`, async () => {
      const two = await start({ policy: fourEyes().replace('count: 1', 'count: 2') })
      try {
        const { id } = await ask(two, 'ada', { command: ['sh', '-c', 'echo approved; sleep 60'] })
        const first = await decide(id, 'lea', 'approve', 'fine', two)
        assert.equal(first.state, 'pending-approval')
        assert.equal(first.approval?.needs[0]?.given, 1)
        await assert.rejects(decide(id, 'lea', 'approve', undefined, two), /409 already_decided/)
        await two.down(signal)
        await two.up()
        assert.deepEqual(await waiting('lea', two), [], 'she has decided')
        assert.deepEqual(await waiting('leo', two), [id])
        const terminal = await two.connect(id, { who: 'ada' })
        await decide(id, 'leo', 'approve', undefined, two)
        await terminal.expect(/approved/)
        const { approval, state } = await get(id, 'ada', two)
        assert.equal(state, 'running')
        assert.deepEqual(
          approval?.votes.map(({ by, reason }) => [by.subject, reason]),
          [
            ['lea', 'fine'],
            ['leo', undefined],
          ],
        )
      } finally {
        await two.stop()
      }
    })
  }

  it('that comes after its time ends it', async () => {
    const hasty = await start({ expiresAfter: '3s' })
    try {
      const { id } = await ask(hasty)
      await hasty.down('SIGKILL')
      await hasty.up()
      assert.equal((await ended(id, 'ada', hasty)).end?.reason, 'expired')
    } finally {
      await hasty.stop()
    }
  })
})

describe('break-glass', () => {
  const glass = fourEyes('breakGlass: {groups: [engineers]}')

  it('starts at once with a reason, and is reviewed after its end by somebody else', async () => {
    const on = await start({ policy: glass })
    try {
      await assert.rejects(ask(on, 'ada', { breakGlass: true, reason: ' ' }), /403 reason_required/)
      const { id } = await ask(on, 'eve', { breakGlass: true, reason: 'the site is down' })
      const terminal = await on.connect(id, { who: 'eve' })
      await terminal.expect(/[#$] /)
      const review = (who: string, body: object = { verdict: 'justified', reason: 'it was down' }) =>
        on.api<Session>('POST', `/sessions/${id}/review`, body, who)
      await assert.rejects(review('lea'), /409 session_not_ready/)
      terminal.type('exit\n')
      await terminal.closed
      await ended(id, 'eve', on)
      const outstanding = async () =>
        (await on.api<ApprovalList>('GET', '/approvals', undefined, 'lea')).reviews.map(
          (session) => session.id,
        )
      assert.deepEqual(await outstanding(), [id])
      assert.equal((await get(id, 'lea', on)).can.review, true)
      await assert.rejects(review('eve'), /403 own_request/)
      await assert.rejects(review('ivy'), /404 session_not_found/)
      await assert.rejects(review('lea', { verdict: 'justified', reason: ' ' }), /400 invalid_request/)
      const reviewed = await review('lea', { verdict: 'unjustified', reason: 'it was up' })
      assert.equal(reviewed.breakGlass?.review?.verdict, 'unjustified')
      await assert.rejects(review('leo'), /409 already_decided/)
      assert.deepEqual(await outstanding(), [])
      assert.deepEqual(
        (await kindsOf(id, on)).filter((kind) =>
          ['break-glass', 'opened', 'started', 'reviewed'].includes(kind),
        ),
        ['break-glass', 'opened', 'started', 'reviewed'],
      )
    } finally {
      await on.stop()
    }
  })
})

describe('a changed policy', () => {
  const open = `
rules:
  - {name: engineers open, who: {groups: [engineers]}, actions: [open], effect: allow}
  - {name: interns watch, who: {groups: [interns]}, actions: [watch], effect: allow}
${house}`

  it('ends sessions that it forbids, lets go viewers that it forbids, and leaves the others alone', async () => {
    const on = await start({ policy: open })
    try {
      const mine = await on.open(ref(), { who: 'ada' })
      const theirs = await on.open(ref(), { who: 'eve' })
      const watcher = await on.connect(theirs.session.id, { who: 'ivy', role: 'observer' })
      const closed = `${open}  - {name: not ada, who: {subjects: [ada]}, actions: [open], effect: deny}\n`
      await setPolicy(on, closed.replace('groups: [interns]', 'groups: [nobody]'))
      const { end } = await mine.terminal.message('exit')
      assert.equal(end.reason, 'denied')
      assert.match(end.detail ?? '', /Policy no longer allows this session.*not ada/)
      assert.equal((await watcher.closed).code, closeCodes.revoked)
      assert.equal(await theirs.terminal.run('echo still here'), 'still here')
    } finally {
      await on.stop()
    }
  })

  it('ends a session that now requires an approval, and starts a request that no longer needs one', async () => {
    const on = await start({ policy: open })
    try {
      const { terminal } = await on.open(ref(), { who: 'ada' })
      await setPolicy(on, fourEyes())
      assert.match((await terminal.message('exit')).end.detail ?? '', /requires an approval/)
      const { id } = await ask(on)
      const patient = await on.connect(id, { who: 'ada' })
      await setPolicy(on, open)
      await patient.expect(/[#$] /)
      assert.equal((await get(id, 'ada', on)).approval?.outcome, 'not-needed')
    } finally {
      await on.stop()
    }
  })

  it('asks more people of a request that waits, and denies what it forbids', async () => {
    const on = await start()
    try {
      const { id } = await ask(on)
      await setPolicy(on, fourEyes().replace('count: 1', 'count: 2'))
      await eventually(async () => (await get(id, 'ada', on)).approval?.needs[0]?.count === 2, {
        what: 'the request to need two',
      })
      await decide(id, 'lea', 'approve', undefined, on)
      assert.equal((await get(id, 'ada', on)).state, 'pending-approval')
      await setPolicy(on, `rules:${house}`)
      const { end, approval } = await ended(id, 'ada', on)
      assert.equal(end?.reason, 'denied')
      assert.equal(approval?.outcome, 'denied')
    } finally {
      await on.stop()
    }
  })

  it('keeps an approved session, until the approval is no longer enough', async () => {
    const on = await start()
    try {
      const { id } = await ask(on)
      const terminal = await on.connect(id, { who: 'ada' })
      await decide(id, 'lea', 'approve', undefined, on)
      await terminal.expect(/[#$] /)
      await setPolicy(on, fourEyes('maxDuration: 1h'))
      await eventually(
        async () => (await on.api<AuditList>('GET', '/audit?kind=policy-loaded')).items.length === 2,
        { what: 'the policy to be loaded' },
      )
      assert.equal(await terminal.run('echo kept'), 'kept')
      await setPolicy(on, fourEyes().replace('groups: [leads], count: 1', 'groups: [security], count: 1'))
      assert.equal((await terminal.message('exit')).end.reason, 'denied')
    } finally {
      await on.stop()
    }
  })
})

describe('a token with fewer groups', () => {
  it('lets nobody into a session that it could not open, and ends none', async () => {
    const on = await start({
      policy: `rules:\n  - {name: open, who: {groups: [engineers]}, actions: [open], effect: allow}\n${house}`,
    })
    try {
      const { session, terminal } = await on.open(ref(), { who: 'ada' })
      on.groups['ada'] = ['interns']
      await assert.rejects(on.connect(session.id, { who: 'ada' }), /40[34]/)
      terminal.type('echo still ""here\r')
      await terminal.expect(/still here/)
    } finally {
      await on.stop()
    }
  })
})

describe('questions to policy', () => {
  const explain = (query: string, who: string) =>
    gateway.api<PolicyExplanation>('GET', `/policy/explain?${query}`, undefined, who)

  it('are answered about oneself, and about others only to those who may read the audit log', async () => {
    const target = `target=${encodeURIComponent(ref())}`
    const mine = await explain(target, 'ada')
    assert.equal(mine.effect, 'require-approval')
    assert.deepEqual(mine.approval?.needs, [{ rule: 'four eyes', groups: ['leads'], count: 1 }])
    const lead = await explain(target, 'lea')
    assert.equal(lead.effect, 'deny')
    assert.deepEqual(lead.near[0], {
      name: 'four eyes',
      effect: 'require-approval',
      lacks: 'who',
      wants: 'members of engineers',
    })
    await assert.rejects(explain(`${target}&user=lea&groups=leads`, 'ada'), /403 forbidden/)
    assert.equal((await explain(`${target}&user=x&groups=engineers`, 'jane')).effect, 'require-approval')
    await assert.rejects(explain(target, 'ivy'), /404 target_not_found/)
  })

  it('are answered before and after a change', async () => {
    const question = { user: 'x', groups: ['engineers'], target: ref() }
    const simulate = (policy: string, who = 'jane') =>
      gateway.api<{ before: PolicyExplanation; after?: PolicyExplanation; problems: unknown[] }>(
        'POST',
        '/policy/simulate',
        { ...question, policy },
        who,
      )
    const { before, after, problems } = await simulate('rules: []')
    assert.deepEqual([before.effect, after?.effect, problems], ['require-approval', 'deny', []])
    const broken = await simulate('rules: [{nam: x}]')
    assert.equal(broken.after, undefined)
    assert.ok(broken.problems.length > 0)
    await assert.rejects(simulate('rules: []', 'ada'), /403 forbidden/)
  })
})
