/** What becomes of a request for an approval when store or disk take nothing in the moment that decides it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import { endOf } from '../../server/core/session-end.ts'
import type { Store } from '../../server/core/store.ts'
import type { SessionApprovals } from '../../server/sessions/life/approvals.ts'
import { endKnownRequests } from '../../server/sessions/life/ended-requests.ts'
import { eventually } from '../support/eventually.ts'
import { ask, asking, deskOf, rita } from '../support/approval-ground.ts'
import { jane, sessionGround, type SessionGround } from '../support/session-ground.ts'

const from = '127.0.0.1'

type Decides = (ground: SessionGround, desk: SessionApprovals, id: string) => Promise<unknown>
const deny: Decides = (_, desk, id) => desk.decide(id, { who: jane, from, decision: 'deny', reason: 'no' })
const withdraw: Decides = ({ registry }, _, id) => registry.terminate(id, { who: rita, from })
/** Refuses the end: its event, its row, and its note; `but` is what is taken before. */
const refuseEnd = ({ refusing, recordings }: SessionGround, ...methods: (keyof Store)[]) => {
  let told = false
  recordings.noteEnd = () => Promise.reject(new Error('the disk is full'))
  refusing.refuses = (method, [first, change]) => {
    told ||= method === 'appendAudit' && (first as { kind: string }).kind === 'ended'
    const isEnd = told || (change as { state?: string } | undefined)?.state === 'ended'
    return isEnd && methods.includes(method)
  }
}

describe('a request whose end could not be stored', () => {
  const cases: readonly (readonly [string, Decides, object])[] = [
    ['denied', deny, { reason: 'denied', code: 'approval_denied' }],
    ['withdrawn', withdraw, { reason: 'terminated', code: 'withdrawn' }],
  ]
  for (const [word, decides, expected] of cases) {
    for (const methods of [['appendAudit', 'updateSession'], ['updateSession']] as const) {
      it(`does not wait on after a restart: ${word}, and ${methods.join(' and ')} refused`, async (t) => {
        const ground = await sessionGround(t, { policy: asking })
        const desk = deskOf(t, ground)
        const id = await ask(ground, desk)
        refuseEnd(ground, ...methods)
        await decides(ground, desk, id)
        assert.equal(ground.registry.ended(id)?.state, 'ended')
        await ground.registry.drain()
        assert.equal((await ground.row(id)).state, 'pending-approval')

        const next = ground.next()
        await endKnownRequests(next.recovery)
        const later = deskOf(t, next)
        await later.restore(AbortSignal.timeout(10_000))
        assert.equal(next.registry.live(id), undefined)
        const { state, end, approval } = await ground.row(id)
        assert.equal(state, 'ended')
        const { reason, code, by } = end ?? endOf('failed')
        assert.deepEqual({ reason, code }, expected)
        assert.equal(by?.subject, decides === deny ? 'jane' : 'rita')
        assert.equal(approval?.outcome, word)
        const { items } = await ground.refusing.store.listAudit({ sessionId: id, kinds: ['ended'], limit: 9 })
        assert.equal(items.length, 1)
      })
    }
  }

  it('is not taken up again while its end is still owed after the restart', async (t) => {
    const ground = await sessionGround(t, { policy: asking })
    const desk = deskOf(t, ground)
    const id = await ask(ground, desk)
    refuseEnd(ground, 'updateSession')
    await deny(ground, desk, id)
    await ground.registry.drain()

    const next = ground.next()
    refuseEnd(next, 'updateSession')
    await endKnownRequests(next.recovery)
    assert.equal((await ground.row(id)).state, 'pending-approval')
    const later = deskOf(t, next)
    await later.restore(AbortSignal.timeout(10_000))
    assert.equal(next.registry.live(id), undefined)
    const approve = later.decide(id, { who: jane, from, decision: 'approve' })
    await assert.rejects(approve, { code: 'already_decided' })
    next.refusing.refuse()
    await eventually(async () => (await ground.row(id)).state === 'ended')
    assert.equal(ground.host.begun.length + next.host.begun.length, 0)
  })

  it('is ended with its event where its environment is gone, and the others wait on', async (t) => {
    const ground = await sessionGround(t, { policy: asking })
    const desk = deskOf(t, ground)
    const ids = [await ask(ground, desk), await ask(ground, desk)]
    const [gone = '', stays = ''] = ids
    const { target } = await ground.row(gone)
    await ground.refusing.store.updateSession(gone, { target: { ...target, environment: 'sold' } })
    await ground.registry.drain()
    const next = ground.next()
    await endKnownRequests(next.recovery)
    await deskOf(t, next).restore(AbortSignal.timeout(10_000))
    assert.equal((await ground.row(gone)).end?.code, 'environment_removed')
    const { items } = await ground.refusing.store.listAudit({ sessionId: gone, kinds: ['ended'], limit: 9 })
    assert.equal(items.length, 1)
    assert.equal(next.registry.live(stays)?.row.state, 'pending-approval')
  })
})

describe('an approved request', () => {
  it('begins nothing on a disk without room, and starts once there is some', async (t) => {
    const ground = await sessionGround(t, { policy: asking })
    const desk = deskOf(t, ground)
    const id = await ask(ground, desk)
    let hasRoom = false
    ground.recordings.checkRoom = () => {
      if (!hasRoom) throw new HatchwayError('storage_full', 'There is too little room.')
    }
    const approve = desk.decide(id, { who: jane, from, decision: 'approve' })
    await assert.rejects(approve, { code: 'storage_full' })
    const { state, approval } = ground.registry.live(id)?.row ?? {}
    assert.deepEqual([state, approval?.votes.length], ['pending-approval', 1])
    assert.equal(ground.host.begun.length, 0)
    await desk.recheck()
    assert.equal(ground.host.begun.length, 0)
    hasRoom = true
    await desk.recheck()
    await eventually(() => ground.host.containerOf(id) !== undefined)
  })
})

describe('a request that the store has changed without an answer', () => {
  it('starts by a vote that came true, whose approver cannot give it again', async (t) => {
    const ground = await sessionGround(t, { policy: asking })
    const desk = deskOf(t, ground)
    const id = await ask(ground, desk)
    const approve = () => desk.decide(id, { who: jane, from, decision: 'approve' })
    ground.refusing.loses = (method) => method === 'updateSession'
    await assert.rejects(approve(), { code: 'store_unavailable' })
    ground.refusing.loses = () => false
    assert.equal((await ground.row(id)).approval?.votes.length, 1)
    await assert.rejects(approve(), { code: 'already_decided' })
    await desk.recheck()
    await eventually(() => ground.host.containerOf(id) !== undefined)
  })

  it('goes on from a start that came true', async (t) => {
    const ground = await sessionGround(t, { policy: asking })
    const desk = deskOf(t, ground)
    const id = await ask(ground, desk)
    ground.refusing.loses = (_, [, change]) =>
      (change as { state?: string } | undefined)?.state === 'starting'
    await assert.rejects(desk.decide(id, { who: jane, from, decision: 'approve' }), {
      code: 'store_unavailable',
    })
    ground.refusing.loses = () => false
    assert.equal((await ground.row(id)).state, 'starting')
    await desk.recheck()
    await eventually(() => ground.host.containerOf(id) !== undefined)
    const { items } = await ground.refusing.store.listAudit({ sessionId: id, kinds: ['opened'], limit: 9 })
    assert.equal(items.length, 1)
  })
})
