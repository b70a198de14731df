/** What is left of a session's end when the store, or the disk, takes nothing in that moment. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import { endOf } from '../../server/core/session-end.ts'
import type { SessionRow } from '../../server/core/session.ts'
import type { Store } from '../../server/core/store.ts'
import { findLostRecordings, reap, sealLeftovers, type Tried } from '../../server/sessions/life/upkeep.ts'
import { eventually } from '../support/eventually.ts'
import { grant } from '../support/grant.ts'
import {
  jane,
  openRequest,
  recordingsUpTo,
  sessionGround,
  type SessionGround,
} from '../support/session-ground.ts'

const endsOf = async ({ refusing }: SessionGround, id: string) =>
  (await refusing.store.listAudit({ sessionId: id, kinds: ['ended'], limit: 10 })).items
const left = (ground: SessionGround) => readdir(join(ground.directory, 'live'))
const isWhole = (row: SessionRow) => row.state === 'ended' && row.recording !== undefined

// Each moment in which the store may go away: before the event, before the row, before the seal is written down.
const moments: readonly (readonly [string, readonly (keyof Store)[]])[] = [
  ['takes nothing', ['appendAudit', 'updateSession']],
  ['takes no event', ['appendAudit']],
  ['takes no row', ['updateSession']],
]

describe('the end of a session', () => {
  for (const [moment, methods] of moments) {
    it(`is told, stored and sealed once the store is back that ${moment}`, async (t) => {
      const ground = await sessionGround(t)
      const { session, program } = await ground.open()
      const { id } = session.row
      program.print('evidence')
      await eventually(() => session.row.state === 'running')
      ground.refusing.refuse(...methods)
      const over = eventually(() => ground.registry.ended(id) !== undefined)
      program.exit(7)
      await over
      // It is over for everybody, in whatever state the store is: container, place and what is said of it.
      assert.equal(ground.host.containerOf(id), undefined)
      assert.equal(ground.registry.liveCount, 0)
      assert.deepEqual(ground.registry.ended(id)?.end, endOf('exit', { exitCode: 7 }))
      await assert.rejects(ground.registry.terminate(id, { who: jane, from: 'x' }), { code: 'session_ended' })
      assert.match(await text(await ground.recordings.read(id, undefined)), /evidence/)

      ground.refusing.refuse()
      await eventually(() => ground.registry.ended(id) === undefined)
      const row = await ground.row(id)
      assert.ok(isWhole(row))
      assert.deepEqual(row.end, endOf('exit', { exitCode: 7 }))
      assert.equal((await endsOf(ground, id)).length, 1)
      assert.deepEqual(await left(ground), [])
    })

    it(`is found by the next process when this one stops while the store ${moment}`, async (t) => {
      const ground = await sessionGround(t)
      const { session, program } = await ground.open()
      const { id } = session.row
      ground.refusing.refuse(...methods)
      program.exit(7)
      await eventually(() => ground.registry.ended(id) !== undefined)
      await ground.registry.drain()

      const next = ground.next()
      await next.recover()
      await sealLeftovers(next.recovery)
      await eventually(() => next.registry.ended(id) === undefined)
      const row = await ground.row(id)
      assert.ok(isWhole(row))
      assert.deepEqual(row.end, endOf('exit', { exitCode: 7 }))
      assert.equal((await endsOf(next, id)).length, 1)
      assert.deepEqual(await left(next), [])
    })
  }

  it('is not made up by a process that finds the event of it', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open({ reason: 'an incident' })
    const { id } = session.row
    // The process dies between event and row, and after the container: no note, no row.
    ground.refusing.refuse('updateSession')
    ground.recordings.noteEnd = () => Promise.reject(new Error('the disk is full'))
    await session.end(endOf('terminated', { by: { subject: 'bob', name: 'Bob' } }))
    await ground.registry.drain()
    assert.equal((await ground.row(id)).state, 'running')
    const next = ground.next()
    await next.recover()
    const { state, end } = await ground.row(id)
    assert.deepEqual([state, end], ['ended', endOf('terminated', { by: { subject: 'bob', name: 'Bob' } })])
    assert.equal((await endsOf(next, id)).length, 1)
  })

  it('frees its debug container though the store does not know that it ended', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    const { id } = session.row
    ground.refusing.refuse('updateSession')
    ground.host.faults.away = new Error('the engine is away')
    await session.end(endOf('idle'))
    assert.ok(ground.registry.ended(id))
    assert.ok(ground.host.containerOf(id))
    ground.host.faults.away = undefined
    await reap(ground.recovery)
    assert.equal(ground.host.containerOf(id), undefined)
  })
})

const specOf = (sessionId: string): DebugSpec => ({
  sessionId,
  installation: 'test',
  user: 'jane',
  toolbox: { name: 'busybox', image: 'busybox:1', shell: ['/bin/sh'] },
  profile: 'auto',
  size: { cols: 80, rows: 24 },
  maxDurationMs: 600_000,
})

describe('debug containers that nobody claims', () => {
  it('are each told of once, and waited for ever longer, where they cannot be stopped', async (t) => {
    const ground = await sessionGround(t)
    const { target } = openRequest(ground)
    const signal = AbortSignal.timeout(10_000)
    for (let at = 0; at < 50; at++)
      await ground.driver.open(specOf(`none-${at}`), target, () => undefined, signal)
    let stops = 0
    let most = 0
    let now = 0
    ground.driver.stop = async () => {
      stops++
      most = Math.max(most, ++now)
      await eventually(() => most > 1, { what: 'another to be stopped beside it' })
      now--
      throw new Error('it runs on')
    }
    const tried: Tried = new Map()
    for (let round = 0; round < 3; round++) await reap(ground.recovery, tried)
    assert.equal(stops, 50)
    assert.ok(most < 10, String(most))
    const { items } = await ground.refusing.store.listAudit({ kinds: ['reaped'], limit: 200 })
    assert.equal(items.length, 50)
    await Promise.all(ground.host.containers.map((container) => container.end()))
    await reap(ground.recovery, tried)
    assert.equal(tried.size, 0)
  })
})

describe('a debug container that somebody removed', () => {
  it('ends its session as lost, in words, and is not looked for', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    ground.driver.reattach = () => Promise.reject(new Error('nobody asks for it'))
    await ground.host.containerOf(session.row.id)?.end({ kind: 'removed', detail: 'It was killed by hand.' })
    await eventually(async () => (await ground.row(session.row.id)).state === 'ended')
    const { end } = await ground.row(session.row.id)
    assert.deepEqual(end, endOf('lost', { detail: 'It was killed by hand.' }))
  })
})

describe('output that could not be recorded, and was shown', () => {
  it('is in the log once the log takes it: its disk is full for both', async (t) => {
    const ground = await sessionGround(t, { recordings: recordingsUpTo(4096) })
    const { session, program } = await ground.open({ grant: { ...grant, recording: 'best-effort' } })
    const { id } = session.row
    ground.refusing.refuse('appendAudit')
    for (let n = 0; n < 3; n++) program.print('x'.repeat(4096))
    await eventually(() => ground.refusing.refused.length > 0)
    assert.equal(session.row.state, 'running')
    ground.refusing.refuse()
    const degraded = async () =>
      (await ground.refusing.store.listAudit({ sessionId: id, kinds: ['recording-degraded'], limit: 9 }))
        .items
    await eventually(async () => (await degraded()).length > 0, { what: 'the event' })
    const [event, ...others] = await degraded()
    assert.equal(others.length, 0)
    assert.match(event?.reason ?? '', /limit/)
    assert.ok(Number(new Date(String(event?.detail?.['since']))) < Number(event?.at))
  })
})

describe('the takeover after a restart', () => {
  it('waits for a store that is away, and ends no session that lives', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    program.print('before')
    await eventually(() => session.row.state === 'running')
    await ground.registry.drain()
    const next = ground.next()
    // Away for each of its calls in turn: the list, the question for an end, the event of the takeover.
    const away = new Set<keyof Store>(['listSessions', 'listAudit', 'appendAudit'])
    next.refusing.refuses = (method) => away.delete(method)
    await next.recover()
    assert.deepEqual(next.refusing.refused, ['listSessions', 'listAudit', 'appendAudit'])
    assert.equal(next.registry.live(session.row.id)?.row.state, 'running')
  })

  it('says in a recording that nobody went on with that its end may be missing', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    const { id } = session.row
    program.print('before')
    await eventually(async () => (await text(await ground.recordings.read(id, undefined))).includes('before'))
    await ground.registry.drain()
    await ground.host.containerOf(id)?.end()
    const next = ground.next()
    await next.recover()
    await sealLeftovers(next.recovery)
    const { recording, end } = await ground.row(id)
    assert.equal(end?.reason, 'lost')
    assert.match(
      await text(await next.recordings.read(id, recording)),
      /may be missing here.*\n.*ended: lost/,
    )
  })

  it('finds sealed recordings that their rows lost, by their keys', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    const { id } = session.row
    ground.refusing.refuses = (method, [, change]) =>
      method === 'updateSession' && 'recording' in (change as Partial<SessionRow>)
    program.exit(0)
    await eventually(() => ground.registry.ended(id) !== undefined)
    await ground.registry.drain()
    await ground.recordings.settled(id)
    const next = ground.next()
    await findLostRecordings(next.recovery)
    const { recording } = await ground.row(id)
    assert.ok(recording)
    assert.match(await text(await next.recordings.read(id, recording)), /"x", "0"/)
  })
})
