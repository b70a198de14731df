/**
 * A whole gateway whose data is on a real disk that becomes full at a chosen moment, to its last byte: nothing takes effect whose event
 * is not stored, whoever asks is told why, and what was owed comes through once there is room, for this process or the next.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { SessionList } from '../../server/protocol/session-api.ts'
import { eventually } from '../support/eventually.ts'
import { FullDiskGround, type Answer } from '../support/full-disk-ground.ts'
import { markersOf } from '../support/recordings.ts'

const isRefused = ({ status, body }: Answer<object>) => {
  assert.equal(status, 503, JSON.stringify(body))
  assert.match(body.code ?? '', /^(storage_full|store_unavailable|recording_failed)$/)
  assert.match(body.detail ?? '', /disk/i, 'it says what to look at')
}

interface Moment {
  name: string
  /** The disk becomes full between two things that are written. */
  amid?: true
  /** While there is room. Its answer is the session that it is about. */
  before?: (on: FullDiskGround) => Promise<string>
  /** Makes the disk full, and does what is to be done then. */
  act: (on: FullDiskGround, id: string) => Promise<unknown>
  /** Once there is room. */
  after: (on: FullDiskGround, id: string) => Promise<unknown>
  /** Another process, which begins on the full disk, ends it as well. */
  restarts?: true
}

/** The session has ended like this, as row and log tell, once; what was recorded of it is sealed. */
async function hasEnded(on: FullDiskGround, id: string, code: RegExp): Promise<void> {
  await eventually(
    async () => {
      const { state, end, recording } = await on.session(id)
      assert.equal(state, 'ended')
      assert.match(end?.code ?? '', code)
      // One that could not be begun is missing.
      assert.notEqual(recording.state, 'live')
      assert.equal((await on.events(id, 'ended')).length, 1)
    },
    { timeoutMs: 20_000, what: 'the end to be stored' },
  )
  assert.equal(on.host.containerOf(id), undefined)
}

/** It is over here, whatever the store took of it. */
async function isOver(on: FullDiskGround, id: string): Promise<void> {
  await eventually(async () => (await on.session(id)).state === 'ended', { what: 'the session to be over' })
  assert.equal(on.host.containerOf(id), undefined, 'its container is gone')
}

async function runsOn(on: FullDiskGround, id: string): Promise<void> {
  assert.equal((await on.session(id)).state, 'running')
  assert.ok(on.host.containerOf(id))
}

async function end(on: FullDiskGround, id: string): Promise<void> {
  on.programs.started.get(id)?.exit(0)
  await hasEnded(on, id, /^exited$/)
}

const print = (on: FullDiskGround, id: string, bytes: number) =>
  on.programs.started.get(id)?.print(randomBytes(bytes / 2).toString('hex'))
const start = { target: 'local/web-1' }
const decision = (decision: 'approve' | 'deny') => ({ decision, reason: 'a test' })
const vote = (on: FullDiskGround, id: string, word: 'approve' | 'deny') =>
  on.call('POST', `/api/v1/sessions/${id}/decision`, decision(word))

const signIn = async (on: FullDiskGround) =>
  on.call('POST', '/api/v1/auth/session', { token: await on.token('admin') }, 'nobody')

const moments: readonly Moment[] = [
  {
    name: 'before an opening, a request, a run',
    act: async (on) => {
      await on.full()
      const said = await eventually(async () => {
        const { status, problems } = await on.ready()
        return status === 503 && problems
      })
      assert.match(said, /There is no room on the disk/)
      const opened = on.host.begun.length
      isRefused(await on.call('POST', '/api/v1/sessions', start))
      isRefused(await on.call('POST', '/api/v1/sessions', start, 'asker'))
      isRefused(await on.call('POST', '/api/v1/runs', { ...start, command: ['id'], timeoutSeconds: 5 }))
      assert.equal(on.host.begun.length, opened)
    },
    after: async (on) => end(on, await on.open()),
  },
  {
    name: 'as the container of an opening begins',
    amid: true,
    before: (on) => {
      on.fillAtBegin()
      return on.begin()
    },
    act: isOver,
    after: (on, id) => hasEnded(on, id, /^(store_unavailable|recording_failed|storage_full)$/),
  },
  {
    name: 'while output is recorded',
    before: (on) => on.open(),
    act: async (on, id) => {
      await on.full()
      print(on, id, 64 * 1024)
      await isOver(on, id)
    },
    after: (on, id) => hasEnded(on, id, /^(recording_failed|storage_full)$/),
    restarts: true,
  },
  {
    name: 'while output is recorded as well as it can be',
    before: (on) => on.open('local/web-2'),
    act: async (on, id) => {
      await on.full()
      print(on, id, 64 * 1024)
      await runsOn(on, id)
    },
    after: async (on, id) => {
      await eventually(async () => (await on.events(id, 'recording-degraded')).length === 1, {
        what: 'the event of it',
      })
      await eventually(
        async () => {
          print(on, id, 64)
          const cast = await on.call<{ text: string }>('GET', `/api/v1/sessions/${id}/recording`)
          return markersOf(cast.body.text).some((marker) => /^\d+ bytes of output are missing/.test(marker))
        },
        { what: 'the marker of the hole' },
      )
      await end(on, id)
    },
  },
  {
    name: 'at the end of a session',
    before: (on) => on.open(),
    act: async (on, id) => {
      await on.full()
      on.programs.started.get(id)?.exit(0)
      await isOver(on, id)
    },
    after: (on, id) => hasEnded(on, id, /^exited$/),
    restarts: true,
  },
  {
    name: 'between the event of an end and its row',
    amid: true,
    before: (on) => on.open(),
    act: async (on, id) => {
      on.fillAt('stop')
      await on.call('DELETE', `/api/v1/sessions/${id}`)
      await isOver(on, id)
    },
    after: (on, id) => hasEnded(on, id, /^terminated$/),
  },
  {
    name: 'at the seal',
    amid: true,
    before: async (on) => {
      const id = await on.open()
      print(on, id, 512 * 1024)
      return id
    },
    act: async (on, id) => {
      // The row finds room; the compressed recording doesn't.
      on.disk.fill(24)
      on.programs.started.get(id)?.exit(0)
      await isOver(on, id)
    },
    after: (on, id) => hasEnded(on, id, /^exited$/),
    restarts: true,
  },
  {
    name: 'at a vote for a request',
    before: (on) => on.open('local/web-1', 'asker'),
    act: async (on, id) => {
      await on.full()
      for (const word of ['approve', 'deny'] as const) isRefused(await vote(on, id, word))
      const { state, approval } = await on.session(id)
      assert.deepEqual([state, approval?.votes], ['pending-approval', []])
    },
    after: async (on, id) => {
      // It looks at the disk now and then.
      await eventually(async () => (await on.call('GET', '/readyz')).status === 200)
      assert.equal((await vote(on, id, 'approve')).status, 200)
      await eventually(async () => (await on.session(id)).state === 'running')
      await end(on, id)
    },
  },
  {
    name: 'between a vote and the start that it brings',
    amid: true,
    before: (on) => on.open('local/web-1', 'asker'),
    act: async (on, id) => {
      on.fillAt('find')
      isRefused(await vote(on, id, 'approve'))
      const { state, approval } = await on.session(id)
      assert.deepEqual([state, approval?.votes.length], ['pending-approval', 1])
      assert.equal(on.host.containerOf(id), undefined)
    },
    after: async (on, id) => {
      // The next look at what waits, which a change of the policy brings at once.
      await on.setPolicy({ maxDuration: '50m' })
      await eventually(async () => (await on.session(id)).state === 'running')
      assert.equal((await on.events(id, 'opened')).length, 1)
      await end(on, id)
    },
  },
  {
    name: 'at a reload of the policy',
    act: async (on) => {
      await on.full()
      await on.setPolicy({ requireReason: true })
    },
    after: async (on) => {
      const isInForce = async () =>
        (await on.call('POST', '/api/v1/sessions', start)).body.code === 'reason_required'
      await eventually(isInForce, { what: 'the policy to be in force' })
      await on.setPolicy()
      await eventually(async () => !(await isInForce()), { what: 'the policy of before to be in force' })
    },
  },
  {
    name: 'at a sign-in, a join, a termination, and whatever shows what is not for everybody',
    before: (on) => on.open(),
    act: async (on, id) => {
      await on.full()
      for (const path of [
        '/api/v1/audit',
        `/api/v1/sessions/${id}/recording`,
        '/api/v1/policy/explain?action=open&target=local/web-1&user=asker',
      ]) {
        isRefused(await on.call('GET', path))
      }
      const signedIn = await signIn(on)
      isRefused(signedIn)
      assert.equal(signedIn.headers.get('set-cookie'), null)
      isRefused(await on.call('DELETE', `/api/v1/sessions/${id}`))
      await assert.rejects(on.connect(id))
      await runsOn(on, id)
    },
    after: async (on, id) => {
      assert.equal((await signIn(on)).status, 204)
      await end(on, id)
    },
  },
]

describe('a disk that becomes full', () => {
  let on: FullDiskGround
  before(async () => {
    on = await FullDiskGround.start(process.argv[2] ?? '')
  })
  after(() => on.stop())
  afterEach(async () => {
    on.disk.free()
    await leftNothing(on)
  })

  for (const { name, amid, before, act, after } of moments) {
    it(name, async () => {
      if (amid === true) await on.again()
      const id = (await before?.(on)) ?? ''
      await act(on, id)
      on.disk.free()
      await after(on, id)
    })
  }

  it('leaves what it owes to a process that begins while the disk is full', async () => {
    const left = moments.filter(({ restarts }) => restarts)
    const ids: string[] = []
    for (const { before } of left) ids.push((await before?.(on)) ?? '')
    const runs = await on.open()
    for (const [index, { act }] of left.entries()) await act(on, ids[index] ?? '')
    await on.full()
    await on.again()
    assert.equal((await on.call('GET', '/api/v1/sessions?limit=1')).status, 200)
    on.disk.free()
    // How they ended may have found no room at all; that they did is seen by their containers.
    for (const id of ids) await hasEnded(on, id, /^(exited|recording_failed|storage_full|session_ended)$/)
    await eventually(() => runsOn(on, runs).then(() => true), { what: 'the other session to go on' })
    await end(on, runs)
  })
})

/** What is live has a container, what has one is live, what has ended has one event of it, and no other file is left. */
async function leftNothing(on: FullDiskGround): Promise<void> {
  await eventually(
    async () => {
      const { items } = (await on.call<SessionList>('GET', '/api/v1/sessions?limit=200')).body
      const of = (...states: readonly string[]) =>
        items.filter(({ state }) => states.includes(state)).map(({ id }) => id)
      const live = of('starting', 'running')
      assert.deepEqual(live.toSorted(), on.host.containers.map(({ spec }) => spec.sessionId).toSorted())
      const told = (await on.call<AuditList>('GET', '/api/v1/audit?kind=ended&limit=200')).body.items
      assert.deepEqual(told.map(({ sessionId = '' }) => sessionId).toSorted(), of('ended').toSorted())
      const files = live.map((id) => `${id}.cast`)
      assert.deepEqual(await readdir(join(on.disk.path, 'data/live')), files.toSorted())
      const known = [
        'blobs',
        'hatchway.db',
        'hatchway.db-wal',
        'hatchway.db.owner',
        'live',
        'reserve',
        'secrets',
      ]
      assert.deepEqual((await readdir(join(on.disk.path, 'data'))).toSorted(), known)
    },
    { timeoutMs: 20_000, what: 'nothing to be left' },
  )
}
