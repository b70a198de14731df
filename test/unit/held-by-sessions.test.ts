import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DebugContainer } from '../../server/core/debug-container.ts'
import { reap } from '../../server/sessions/life/upkeep.ts'
import { MemoryDriver } from '../drivers/memory-driver.ts'
import { hold } from '../support/hold-call.ts'
import { everybodyMayAll, policyOf } from '../support/policies.ts'
import { openRequest, sessionGround, type SessionGround } from '../support/session-ground.ts'
import { within } from '../support/within.ts'

const nothing = policyOf()

/** A driver that shows how its openings come to their end. */
class WatchedDriver extends MemoryDriver {
  readonly openings: Promise<unknown>[] = []
  readonly stopped: string[] = []
  #sessionId = ''
  override open(...how: Parameters<MemoryDriver['open']>): ReturnType<MemoryDriver['open']> {
    const opening = super.open(...how)
    this.openings.push(opening)
    this.#sessionId = how[0].sessionId
    return opening
  }
  /** As an engine lists what was made and does not run yet. */
  override async listOwned(): Promise<DebugContainer[]> {
    return [{ environment: 'local', id: 'made', sessionId: this.#sessionId, targetId: 'web' }]
  }
  override async stop({ id }: DebugContainer): Promise<void> {
    this.stopped.push(id)
  }
}

describe('what is held while its session is stored', () => {
  const watched = ({ host }: SessionGround) => new WatchedDriver(host, 'test')

  /** It has failed, and nothing runs. */
  async function isTakenAway({ openings }: WatchedDriver, { host }: SessionGround) {
    const ends = await within(Promise.allSettled(openings), 'the opening to come to its end')
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['rejected'],
    )
    assert.equal(host.containers.length, 0)
  }

  it('is taken away when the store refuses', async (t) => {
    const ground = await sessionGround(t)
    const driver = watched(ground)
    ground.refusing.refuse('createSession')
    await assert.rejects(ground.registry.open(openRequest(ground, { driver })), { code: 'store_unavailable' })
    await isTakenAway(driver, ground)
  })

  it('is taken away when policy forbids it by then', async (t) => {
    let policy = policyOf(everybodyMayAll)
    const ground = await sessionGround(t, { policy: { at: (moment) => policy.at(moment) } })
    const driver = watched(ground)
    const held = hold(ground, 'createSession', () => true)
    const opening = ground.registry.open(openRequest(ground, { driver }))
    await held.reached
    policy = nothing
    held.release()
    await opening
    await isTakenAway(driver, ground)
  })

  it('is left alone by the reaper, until nobody claims it', async (t) => {
    const ground = await sessionGround(t)
    const driver = watched(ground)
    const recovery = { ...ground.recovery, drivers: new Map([['local', driver]]) }
    const held = hold(ground, 'createSession', () => true)
    const opening = ground.registry.open(openRequest(ground, { driver }))
    await held.reached
    await reap(recovery)
    const before = [...driver.stopped]
    held.fail(new Error('no disk'))
    await assert.rejects(opening)
    assert.deepEqual(before, [])
    await reap(recovery)
    assert.deepEqual(driver.stopped, ['made'])
  })
})
