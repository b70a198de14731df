/** Two things that happen to a session, or to a request, at the same moment. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import type { AuditEvent } from '../../server/core/session.ts'
import { endOf } from '../../server/core/session-end.ts'
import type { Store } from '../../server/core/store.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import type { SessionApprovals } from '../../server/sessions/life/approvals.ts'
import type { DebugSession } from '../../server/sessions/life/debug-session.ts'
import { findLeftSessions, recoverSessions } from '../../server/sessions/life/recovery.ts'
import type { ViewerSocket } from '../../server/sessions/sessions.ts'
import { sealLeftovers } from '../../server/sessions/life/upkeep.ts'
import { eventually } from '../support/eventually.ts'
import { ask, asking, deskOf, rita } from '../support/approval-ground.ts'
import { hold } from '../support/hold-call.ts'
import type { Cleanup } from '../support/cleanup.ts'
import { grant } from '../support/grant.ts'
import { adminsMayAll, everybodyMayAll, policyOf } from '../support/policies.ts'
import {
  jane,
  openRequest,
  recordingsUpTo,
  sessionGround,
  type SessionGround,
} from '../support/session-ground.ts'

const from = '127.0.0.1'
const never = new AbortController().signal

interface Asked {
  ground: SessionGround
  desk: SessionApprovals
  id: string
}

async function asked(t: Cleanup): Promise<Asked> {
  const ground = await sessionGround(t, { policy: asking })
  const desk = deskOf(t, ground)
  return { ground, desk, id: await ask(ground, desk) }
}

const eventsOf = async ({ refusing }: SessionGround, sessionId: string): Promise<AuditEvent['kind'][]> => {
  const { items } = await refusing.store.listAudit({ sessionId, limit: 50 })
  return items.map(({ kind }) => kind).toReversed()
}

/** What somebody is told who comes to watch now. */
async function noticesAtJoin(session: DebugSession): Promise<string[]> {
  const texts: string[] = []
  const nothing = () => undefined
  const send: ViewerSocket['send'] = (message) => {
    if (message.type === 'notice') texts.push(message.text)
  }
  const socket = { send, sendBytes: nothing, close: nothing, pause: nothing, resume: nothing }
  const describe = () => ({ id: session.row.id }) as Session
  await session.join(socket, { who: jane, from, role: 'observer', mayControl: false, describe })
  return texts
}

describe('a request that is withdrawn amid its approval', () => {
  it('is not opened when its target was still being looked for', async (t) => {
    const { ground, desk, id } = await asked(t)
    const found = Promise.withResolvers<void>()
    const sought = Promise.withResolvers<void>()
    const find = ground.driver.find.bind(ground.driver)
    ground.driver.find = async (...args) => {
      sought.resolve()
      await found.promise
      return await find(...args)
    }
    const approving = desk.decide(id, { who: jane, from, decision: 'approve' })
    await sought.promise
    await ground.registry.terminate(id, { who: rita, from })
    found.resolve()
    await approving
    assert.equal((await ground.row(id)).state, 'ended')
    assert.ok(!(await eventsOf(ground, id)).includes('opened'))
    assert.equal(ground.host.begun.length, 0)
  })

  for (const [moment, method, isMeant] of [
    ['event', 'appendAudit', ([event]) => (event as AuditEvent).kind === 'opened'],
    ['row', 'updateSession', ([, change]) => (change as { state?: string }).state === 'starting'],
  ] as const satisfies readonly (readonly [string, keyof Store, (args: readonly unknown[]) => boolean])[]) {
    it(`is ended after its start was stored, never before, when it was withdrawn amid the ${moment}`, async (t) => {
      const { ground, desk, id } = await asked(t)
      const held = hold(ground, method, isMeant)
      const approving = desk.decide(id, { who: jane, from, decision: 'approve' })
      await held.reached
      const withdrawing = ground.registry.terminate(id, { who: rita, from })
      held.release()
      await Promise.all([approving, withdrawing])
      const { state, end } = await ground.row(id)
      assert.deepEqual([state, end?.code], ['ended', 'withdrawn'])
      const events = await eventsOf(ground, id)
      assert.equal(events.at(-1), 'ended')
      assert.equal(ground.host.begun.length, 0)
    })
  }

  it('keeps what became of it when a vote is still being stored', async (t) => {
    const { ground, desk, id } = await asked(t)
    const held = hold(ground, 'updateSession', ([, change]) => 'approval' in (change as object))
    const denying = desk.decide(id, { who: jane, from, decision: 'deny' })
    await held.reached
    const withdrawing = ground.registry.terminate(id, { who: rita, from })
    held.release()
    await Promise.all([denying, withdrawing])
    const { state, approval } = await ground.row(id)
    assert.deepEqual([state, approval?.outcome], ['ended', 'withdrawn'])
  })
})

describe('an approved request', () => {
  it('waits on while its engine is away, and starts when that is back', async (t) => {
    const { ground, desk, id } = await asked(t)
    ground.host.faults.away = new HatchwayError('backend_unavailable', 'It is away.')
    await assert.rejects(desk.decide(id, { who: jane, from, decision: 'approve' }), {
      code: 'backend_unavailable',
    })
    assert.equal((await ground.row(id)).state, 'pending-approval')
    ground.host.faults.away = undefined
    await desk.recheck()
    await eventually(() => ground.host.containerOf(id) !== undefined)
  })
})

describe('an opening', () => {
  it('leaves nothing behind that would end it later, when the store refuses it', async (t) => {
    const ground = await sessionGround(t)
    ground.refusing.refuse('createSession')
    const soon = { ...grant, maxDurationMs: 1 }
    await assert.rejects(ground.open({ grant: soon }), { code: 'store_unavailable' })
    ground.refusing.refuse()
    const { session } = await ground.open({ grant: { ...grant, maxDurationMs: 1_000 } })
    // The timer of this one was set later.
    await eventually(async () => (await ground.row(session.row.id)).state === 'ended')
    const { items } = await ground.refusing.store.listAudit({ kinds: ['ended'], limit: 9 })
    assert.deepEqual(
      items.map(({ sessionId }) => sessionId),
      [session.row.id],
    )
  })

  it('starts nothing when policy forbids it while it is being stored', async (t) => {
    let allowed = true
    const [before, after] = [policyOf(everybodyMayAll), policyOf(adminsMayAll)]
    const policy = { at: (moment: Date) => (allowed ? before : after).at(moment) }
    const ground = await sessionGround(t, { policy })
    const held = hold(ground, 'createSession', () => true)
    const opening = ground.registry.open(openRequest(ground, { who: rita }))
    await held.reached
    allowed = false
    ground.registry.recheck()
    held.release()
    await opening
    const { items } = await ground.refusing.store.listSessions({ limit: 9 })
    const [row] = items
    assert.ok(row)
    await eventually(async () => (await ground.row(row.id)).state === 'ended')
    assert.equal((await ground.row(row.id)).end?.code, 'policy_changed')
    assert.equal(ground.host.begun.length, 0)
  })

  it('is ended, with its row, when the gateway is stopped while it is being stored', async (t) => {
    const ground = await sessionGround(t)
    const held = hold(ground, 'createSession', () => true)
    const opening = ground.registry.open(openRequest(ground))
    await held.reached
    const drained = ground.registry.drain()
    held.release()
    await Promise.allSettled([opening, drained])
    const { items } = await ground.refusing.store.listSessions({ limit: 9 })
    assert.deepEqual(
      items.map(({ state, end }) => [state, end?.reason]),
      [['ended', 'shutdown']],
    )
    assert.equal(ground.host.containers.length, 0)
  })
})

describe('what an earlier process left', () => {
  it('is in the way of others until it is taken over', async (t) => {
    const ground = await sessionGround(t, { limits: { sessions: 1, sessionsPerUser: 1 } })
    const { session } = await ground.open({ grant: { ...grant, exclusive: true } })
    await ground.registry.drain()
    const next = ground.next()
    const left = findLeftSessions(next.recovery, never)
    await left
    await assert.rejects(next.open(), { code: 'too_many_sessions' })
    const row = await ground.row(session.row.id)
    const other = { ...row, id: 'other', user: { ...row.user, subject: 'mallory' } }
    assert.throws(() => next.registry.requireFree(other), { code: 'target_in_use' })
    await recoverSessions(next.recovery, never, left)
    assert.ok(next.registry.live(session.row.id))
    await next.registry.terminate(session.row.id, { who: jane, from })
    next.registry.requireFree(other)
    await next.open()
  })

  it('is not taken over by a process that is being stopped', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    await ground.registry.drain()
    const next = ground.next()
    const stop = new AbortController()
    const held = hold(next, 'appendAudit', ([event]) => (event as AuditEvent).kind === 'adopted')
    const recovering = recoverSessions(next.recovery, stop.signal)
    await held.reached
    stop.abort()
    held.release()
    await recovering
    assert.equal(next.registry.live(session.row.id), undefined)
    assert.equal(ground.host.containerOf(session.row.id)?.attached?.io.isOpen, false)
    assert.equal((await ground.row(session.row.id)).state, 'running')
  })

  it('is told to both people when one of them started before the other was taken over', async (t) => {
    const ground = await sessionGround(t)
    const { session: first } = await ground.open()
    await ground.registry.drain()
    const next = ground.next()
    const { session: second } = await next.open({ who: { ...jane, subject: 'bob', name: 'Bob' } })
    await next.recover()
    for (const { row } of [first, second]) {
      const session = next.registry.live(row.id)
      assert.ok(session)
      assert.match((await noticesAtJoin(session)).join('\n'), /Somebody else has a session in this target/)
    }
  })
})

describe('a gateway that is stopped while a session looks for its engine', () => {
  it('lets go of it: nothing is attached to afterwards, and nothing waits', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    const container = ground.host.containerOf(session.row.id)
    const first = container?.attached
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    const reattach = ground.driver.reattach.bind(ground.driver)
    ground.driver.reattach = async (debug) => {
      asked.resolve()
      await answer.promise
      return await reattach(debug)
    }
    first?.lose('cut')
    await asked.promise
    await ground.registry.drain()
    answer.resolve()
    const late = await eventually(() => container?.attached !== first && container?.attached)
    await eventually(() => late?.io.isOpen === false)
  })
})

describe('a recording that nobody sealed', () => {
  it('is sealed though it has reached its limit', async (t) => {
    const ground = await sessionGround(t, { recordings: recordingsUpTo(4096) })
    const { session, program } = await ground.open({ grant: { ...grant, recording: 'best-effort' } })
    for (let n = 0; n < 3; n++) program.print('x'.repeat(4096))
    await eventually(async () => (await eventsOf(ground, session.row.id)).includes('recording-degraded'))
    await ground.registry.drain()
    const next = ground.next()
    await next.refusing.store.updateSession(session.row.id, {
      state: 'ended',
      endedAt: new Date(),
      end: endOf('lost'),
    })
    await sealLeftovers(next.recovery)
    assert.deepEqual(next.problems, [])
    assert.ok((await ground.row(session.row.id)).recording)
    assert.deepEqual(await readdir(join(ground.directory, 'live')), [])
  })

  it('is found by its row though the end of that was owed after a restart', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    const { id } = session.row
    ground.refusing.refuse('updateSession', 'appendAudit')
    await session.end(endOf('exit', { exitCode: 0 }))
    await ground.registry.drain()
    assert.equal((await ground.row(id)).state, 'running')
    const next = ground.next()
    next.refusing.refuse('updateSession', 'appendAudit')
    await next.recover()
    assert.ok(next.registry.owesEnds)
    next.refusing.refuse()
    await eventually(() => !next.registry.owesEnds)
    await sealLeftovers(next.recovery)
    const { state, recording } = await ground.row(id)
    assert.equal(state, 'ended')
    assert.ok(recording)
  })
})

describe('what viewers are told who come later', () => {
  it('is each thing once, and of very many the newest', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    for (let n = 0; n < 1000; n++) session.warn('the same', 'a mark')
    for (let n = 0; n < 1000; n++) session.warn(`suspended ${n}`, 'a mark')
    const texts = await noticesAtJoin(session)
    assert.equal(texts.length, 20)
    assert.equal(texts.at(-1), 'suspended 999')
  })
})

describe('holes in a recording while nothing can be stored', () => {
  it('are each in the log once that takes them', async (t) => {
    const ground = await sessionGround(t)
    const start = ground.recordings.start.bind(ground.recordings)
    ground.recordings.start = async (...args) => {
      const recorder = await start(...args)
      recorder.output = () => {
        throw new Error('the disk is full')
      }
      return recorder
    }
    const { session, program } = await ground.open({ grant: { ...grant, recording: 'best-effort' } })
    ground.refusing.refuse('appendAudit')
    for (const count of [1, 2]) {
      program.print('x')
      await eventually(() => ground.refusing.refused.length === count)
    }
    ground.refusing.refuse()
    await eventually(async () => {
      const events = await eventsOf(ground, session.row.id)
      return events.filter((kind) => kind === 'recording-degraded').length === 2
    })
  })
})
