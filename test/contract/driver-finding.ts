import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { type DriverGround, deadline, DriverUser } from './driver-ground.ts'

/** Finding targets, and saying clearly why one can't be debugged. */
export function findingContract(start: () => Promise<DriverGround>): void {
  describe('finding', () => {
    let user: DriverUser
    before(async () => {
      user = new DriverUser(await start())
      await user.start()
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    it('answers a check', () => user.driver.check(deadline()))

    it('lists a running target with what a user needs to choose it', async () => {
      const listed = await user.access.list({}, deadline())
      const found = listed.find((each) => each.id === user.web.id)
      assert.ok(found, 'the target is in the list')
      assert.equal(found.state, 'running')
      assert.equal(found.name, user.web.name)
      assert.equal(found.ownSession, undefined)
      assert.match(found.image, /web/)
      assert.ok(Math.abs(Date.now() - found.createdAt.getTime()) < 3_600_000, 'createdAt is a recent time')
    })

    it('finds it by its name, with the live user', () => {
      assert.equal(user.web.state, 'running')
      assert.equal(user.web.user, '65532:65532')
      assert.deepEqual(user.web.ref, { ...user.web.ref, environment: user.ground.environment })
    })

    it('knows after a find that it has no shell, or says that it does not know', () => {
      assert.equal(user.web.hasShell, user.ground.knowsShells ? false : undefined)
    })

    it('says that an unknown target does not exist', async () => {
      await assert.rejects(user.access.find(user.ground.unknown, {}, deadline()), {
        code: 'target_not_found',
      })
    })

    it('does not open a target that does not run', async () => {
      const { ref } = await user.ground.createStopped()
      const target = await user.access.find(ref, {}, deadline())
      assert.notEqual(target.state, 'running')
      await assert.rejects(user.open({ target }), { code: 'target_not_running' })
    })

    it('does not open a target that went away after it was found', async () => {
      const mortal = await user.ground.startMortal()
      const target = await user.access.find(mortal.ref, {}, deadline())
      await mortal.end()
      await assert.rejects(user.open({ target }), { code: /^target_not_(running|found)$/ })
    })

    it('tells with identify what open will do, and changes nothing by it', async () => {
      const told = await user.access.identify(user.web, 'auto', deadline())
      assert.equal(`${told.uid}:${told.gid}`, '65532:65532')
      assert.equal(told.seesFiles, true)
      assert.notEqual(told.explanation, '')
      const { identity } = await user.open()
      assert.deepEqual(identity, told)
    })

    it('marks its own debug containers in the list', async () => {
      const { container } = await user.open()
      // What keeps a list by watching may be a moment late.
      await eventually(
        async () => user.ground.marks(await user.access.list({}, deadline())).includes(container.sessionId),
        { what: 'the debug container in the list' },
      )
    })

    it('gives up at once when the signal is aborted', async () => {
      const aborted = AbortSignal.abort()
      await assert.rejects(user.driver.check(aborted), { name: 'HatchwayError', code: 'cancelled' })
      await assert.rejects(user.access.list({}, aborted), { name: 'HatchwayError', code: 'cancelled' })
      await assert.rejects(user.access.find(user.web.ref, {}, aborted), {
        name: 'HatchwayError',
        code: 'cancelled',
      })
    })
  })
}
