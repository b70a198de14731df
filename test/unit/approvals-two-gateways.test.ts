/** One request, and two gateways on one store that know nothing of each other: what one stores the other must not undo. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Principal } from '../../server/core/policy.ts'
import type { AuditKind } from '../../server/core/vocabulary.ts'
import type { SessionApprovals } from '../../server/sessions/life/approvals.ts'
import { ask, askingFor, deskOf } from '../support/approval-ground.ts'
import { eventually } from '../support/eventually.ts'
import { hold } from '../support/hold-call.ts'
import type { Cleanup } from '../support/cleanup.ts'
import { jane, sessionGround, type SessionGround } from '../support/session-ground.ts'

const from = '127.0.0.1'
const bob: Principal = { ...jane, subject: 'bob', name: 'Bob' }

interface Gateway {
  ground: SessionGround
  desk: SessionApprovals
}

/** A request that waits for so many approvers, on both gateways. */
async function asked(t: Cleanup, count: number): Promise<{ here: Gateway; there: Gateway; id: string }> {
  const policy = askingFor(count)
  const first = await sessionGround(t, { policy })
  const here = { ground: first, desk: deskOf(t, first, policy) }
  const id = await ask(here.ground, here.desk, count)
  const second = first.next()
  const there = { ground: second, desk: deskOf(t, second, policy) }
  await there.desk.restore(AbortSignal.timeout(10_000))
  assert.equal(second.registry.live(id)?.row.state, 'pending-approval')
  return { here, there, id }
}

const vote = ({ desk }: Gateway, id: string, who: Principal, decision: 'approve' | 'deny' = 'approve') =>
  desk.decide(id, { who, from, decision, reason: `${who.name} says so` })

const holdVote = ({ ground }: Gateway) =>
  hold(ground, 'updateSession', ([, change]) => 'approval' in (change as object))

async function eventsOf({ ground }: Gateway, sessionId: string, kind: AuditKind): Promise<number> {
  return (await ground.refusing.store.listAudit({ sessionId, kinds: [kind], limit: 9 })).items.length
}

async function votersOf({ ground }: Gateway, id: string): Promise<string[]> {
  return ((await ground.row(id)).approval?.votes ?? []).map(({ by }) => by.subject)
}

describe('approvers at two gateways', () => {
  it('are both counted when they vote in the same moment, and the session starts once', async (t) => {
    const { here, there, id } = await asked(t, 2)
    // Both have read the request without votes; the second one is stored first.
    const held = holdVote(here)
    const voting = vote(here, id, jane)
    await held.reached
    await vote(there, id, bob)
    assert.equal((await here.ground.row(id)).state, 'pending-approval')
    held.release()
    assert.equal((await voting).state, 'starting')
    await eventually(() => here.ground.host.containerOf(id) !== undefined)
    assert.deepEqual(await votersOf(here, id), ['bob', 'jane'])
    assert.deepEqual([await eventsOf(here, id, 'approved'), await eventsOf(here, id, 'opened')], [2, 1])
    assert.equal(here.ground.host.begun.length, 1)
    // The other gateway finds out when it looks.
    await assert.rejects(vote(there, id, { ...jane, subject: 'eve', name: 'Eve' }), {
      code: 'already_decided',
    })
    assert.equal(there.ground.registry.live(id), undefined)
    await there.desk.recheck()
    assert.equal((await here.ground.row(id)).approval?.outcome, 'approved')
    assert.equal(here.ground.host.begun.length, 1)
  })

  it('lose no vote however many there are', async (t) => {
    const { here, there, id } = await asked(t, 21)
    const people = Array.from({ length: 20 }, (_, n) => ({ ...jane, subject: `p${n}`, name: `P ${n}` }))
    await Promise.all(people.map((who, n) => vote(n % 2 === 0 ? here : there, id, who)))
    assert.deepEqual((await votersOf(here, id)).toSorted(), people.map(({ subject }) => subject).toSorted())
    await vote(there, id, bob)
    await eventually(() => there.ground.host.containerOf(id) !== undefined)
    assert.equal(there.ground.host.begun.length, 1)
  })

  it('count once when it is the same person at both', async (t) => {
    const { here, there, id } = await asked(t, 2)
    const held = holdVote(here)
    const voting = vote(here, id, jane)
    await held.reached
    await vote(there, id, jane)
    held.release()
    await assert.rejects(voting, { code: 'already_decided', message: /already decided on this request/ })
    assert.deepEqual(await votersOf(here, id), ['jane'])
    assert.equal(await eventsOf(here, id, 'approved'), 1)
    assert.equal((await here.ground.row(id)).state, 'pending-approval')
  })

  it('start nothing that one of them has denied', async (t) => {
    const { here, there, id } = await asked(t, 1)
    const held = hold(
      here.ground,
      'updateSession',
      ([, change]) => (change as { state?: string }).state === 'starting',
    )
    const approving = vote(here, id, jane)
    await held.reached
    await vote(there, id, bob, 'deny')
    held.release()
    await approving
    const { state, end, approval } = await here.ground.row(id)
    assert.deepEqual([state, end?.code, approval?.outcome], ['ended', 'approval_denied', 'denied'])
    assert.deepEqual(await votersOf(here, id), ['jane', 'bob'])
    assert.equal(await eventsOf(here, id, 'opened'), 0)
    assert.equal(here.ground.host.begun.length, 0)
    assert.equal(here.ground.registry.live(id), undefined)
  })

  it('deny nothing that has started', async (t) => {
    const { here, there, id } = await asked(t, 1)
    const held = holdVote(there)
    const denying = vote(there, id, bob, 'deny')
    await held.reached
    await vote(here, id, jane)
    await eventually(async () => (await here.ground.row(id)).state === 'running')
    held.release()
    await assert.rejects(denying, { code: 'already_decided' })
    assert.deepEqual(await votersOf(here, id), ['jane'])
    assert.equal((await here.ground.row(id)).state, 'running')
    assert.equal(await eventsOf(here, id, 'approval-denied'), 0)
  })
})

describe('a request that has started at one gateway', () => {
  it('does not expire at the other', async (t) => {
    const { here, there, id } = await asked(t, 1)
    await vote(here, id, jane)
    await eventually(async () => (await here.ground.row(id)).state === 'running')
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 700_000 })
    await there.desk.recheck()
    assert.equal(there.ground.registry.live(id), undefined)
    assert.equal((await here.ground.row(id)).state, 'running')
    assert.equal(await eventsOf(here, id, 'ended'), 0)
  })
})

describe('a review of a session that was started by break-glass', () => {
  it('is one, whoever reviews in the same moment at another gateway', async (t) => {
    const ground = await sessionGround(t)
    const here = { ground, desk: deskOf(t, ground) }
    const second = ground.next()
    const there = { ground: second, desk: deskOf(t, second) }
    const { session } = await ground.open({
      who: bob,
      breakGlass: [{ rule: 'scripted', groups: ['admins'], count: 1 }],
    })
    const { id } = session.row
    await ground.registry.terminate(id, { who: bob, from })
    const review = ({ desk }: Gateway, who: Principal) =>
      desk.review(id, { who, from, verdict: 'justified', reason: 'the site was down' })
    const held = hold(ground, 'updateSession', ([, change]) => 'breakGlass' in (change as object))
    const reviewing = review(here, jane)
    await held.reached
    await review(there, { ...jane, subject: 'lea', name: 'Lea' })
    held.release()
    await assert.rejects(reviewing, { code: 'already_decided', message: /Lea has already reviewed/ })
    assert.equal((await ground.row(id)).breakGlass?.review?.by.name, 'Lea')
    assert.equal(await eventsOf(here, id, 'reviewed'), 1)
  })
})
