import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { errorCodes, HatchwayError } from '../../server/core/errors.ts'
import { endByError, endCodes, endOf, neverBegan, withCode } from '../../server/core/session-end.ts'
import { type SessionEnd } from '../../server/core/session.ts'
import { endReasons } from '../../server/core/vocabulary.ts'
import { toProblem } from '../../server/http/problem.ts'
import { Screens } from '../../server/sessions/terminal/screens.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import { MemoryDriver } from '../drivers/memory-driver.ts'
import { MemoryHost } from '../drivers/memory-host.ts'
import { ScriptedPrograms } from '../drivers/scripted-program.ts'
import { everybodyMayAll, policyOf } from '../support/policies.ts'
import { within } from '../support/within.ts'
import { wireSessions } from '../support/wired-sessions.ts'

describe('the code of an end', () => {
  it('is there for each reason, and in the one vocabulary', () => {
    for (const reason of endReasons) assert.ok(endCodes.includes(endOf(reason).code), reason)
    for (const code of endCodes) assert.match(code, /^[a-z]+(?:_[a-z]+)*$/)
    assert.equal(new Set(endCodes).size, endCodes.length)
  })

  it('is that of the error that ended it, with the profiles that the error offers', () => {
    const cause = new HatchwayError('admission_refused', 'No.', { profiles: ['restricted'] })
    const end = endByError('failed', cause)
    assert.deepEqual(end, {
      reason: 'failed',
      code: 'admission_refused',
      detail: 'No.',
      profiles: ['restricted'],
    })
    assert.deepEqual(toProblem(cause, 'r').profiles, ['restricted'])
    assert.equal(endByError('lost', new Error('anything')).code, 'lost')
  })

  it('is the reason’s own where a row is older than codes', () => {
    assert.deepEqual(withCode({ reason: 'idle', detail: 'x' }), {
      reason: 'idle',
      code: 'idle_timeout',
      detail: 'x',
    })
    assert.equal(withCode({ reason: 'expired', code: 'approval_expired' }).code, 'approval_expired')
  })
})

describe('a run whose command never began', () => {
  it('is a problem with the code of why, for each way to end', () => {
    const codes = endReasons.map((reason) => [reason, neverBegan(endOf(reason)).code])
    assert.deepEqual(Object.fromEntries(codes), {
      exit: 'start_failed',
      'target-exited': 'start_failed',
      terminated: 'session_ended',
      idle: 'start_failed',
      expired: 'timeout',
      denied: 'forbidden',
      failed: 'start_failed',
      'recording-failed': 'recording_failed',
      lost: 'start_failed',
      shutdown: 'shutting_down',
    })
    assert.match(
      neverBegan(endOf('expired'), 'Back-off pulling').message,
      /waited for this: Back-off pulling/,
    )
    for (const [, code] of codes) assert.ok(errorCodes.includes(code as (typeof errorCodes)[number]))
  })
})

describe('a run that waits too long for its start', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-run-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('is refused with `timeout`, and ends as `expired`; rows of before codes get one', async () => {
    const store = await openSqliteStore({ path: join(directory, 'store.sqlite') })
    const screens = new Screens()
    const nothing = () => undefined
    const { registry } = wireSessions({
      directory,
      store,
      screens,
      policy: policyOf(everybodyMayAll),
      observer: {
        started: nothing,
        startFailed: nothing,
        ended: nothing,
        output: nothing,
        endFailed: nothing,
      },
    })
    const host = new MemoryHost('local', new ScriptedPrograms())
    const target = host.add('web')
    // It comes never.
    host.faults.slow = Promise.withResolvers().promise
    const driver = new MemoryDriver(host, 'test')
    const run = registry.run(
      {
        kind: 'command',
        detail: {},
        who: { subject: 'bot', name: 'bot', groups: [], issuer: 'i', expiresAt: new Date(8.64e15) },
        from: '127.0.0.1',
        ref: 'local/web',
        target,
        driver,
        toolbox: { name: 'tools', image: 'tools', shell: ['/bin/sh'] },
        profile: 'auto',
        grant: {
          profiles: ['auto'],
          requireReason: false,
          requireTicket: false,
          reasonPatterns: [],
          ticketPatterns: [],
          copies: false,
          maxDurationMs: 1,
          idleTimeoutMs: 60_000,
          recordInput: false,
          exclusive: false,
          recording: 'strict',
        },
        rules: [],
        size: { cols: 80, rows: 24 },
        command: ['true'],
      },
      new AbortController().signal,
    )
    // Clocks of sessions keep no process alive.
    await assert.rejects(within(run, 'the run to be refused'), { code: 'timeout' })
    const { items } = await store.listSessions({ limit: 10 })
    assert.deepEqual(
      items.map(({ end }) => [end?.reason, end?.code]),
      [['expired', 'max_duration']],
    )
    const id = items[0]?.id ?? ''
    await store.updateSession(id, { end: { reason: 'idle' } as SessionEnd })
    assert.equal((await store.getSession(id))?.end?.code, 'idle_timeout')
    await screens.close()
    await store.close()
  })
})
