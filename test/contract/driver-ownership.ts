import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { deadline, type DriverGround, DriverUser } from './driver-ground.ts'

/** Several gateways on one backend, and one that crashed. */
export function ownershipContract(start: () => Promise<DriverGround>): void {
  describe('ownership', () => {
    let mine: DriverUser
    let theirs: DriverUser
    before(async () => {
      mine = new DriverUser(await start())
      theirs = new DriverUser(await start())
      await Promise.all([mine.start(), theirs.start()])
    })
    afterEach(() => Promise.all([mine.stopAll(), theirs.stopAll()]))
    after(async () => {
      await mine.close()
      await theirs.close()
    })

    it('lists the debug containers of its own installation and no other', async () => {
      const [one, two, foreign] = [await mine.open(), await mine.open(), await theirs.open()]
      const owned = await mine.driver.listOwned(deadline())
      const byId = (left: { id: string }, right: { id: string }) => left.id.localeCompare(right.id)
      assert.deepEqual(owned.toSorted(byId), [one.container, two.container].toSorted(byId))
      assert.deepEqual(await theirs.driver.listOwned(deadline()), [foreign.container])
    })

    it('lists nothing once all are stopped', async () => {
      await mine.open()
      await mine.stopAll()
      assert.deepEqual(await mine.driver.listOwned(deadline()), [])
    })

    it('finds what an earlier process of the installation left, and can stop it', async () => {
      const { container, terminal } = await mine.open()
      terminal.detach()
      const successor = await mine.ground.connect(mine.installation)
      const owned = await successor.listOwned(deadline())
      assert.deepEqual(owned, [container])
      await successor.stop(container, deadline())
      successor.close()
      assert.deepEqual(await mine.ground.remains(container.sessionId), [])
    })
  })
}
