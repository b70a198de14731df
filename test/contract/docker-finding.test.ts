import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { DockerUser } from '../support/docker-user.ts'
import { testEngines } from '../support/engine.ts'
import { deadline } from './driver-ground.ts'

/** How names and ids are resolved, and what is told of a container. */
for (const engine of await testEngines()) {
  describe(`finding on Docker, ${engine.name} engine`, () => {
    let user: DockerUser
    before(async () => {
      user = await DockerUser.on(engine)
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    it('takes a full id, a prefix of it, and a name', async () => {
      const { id, name } = await user.run({ image: 'web', start: false })
      for (const text of [id, id.slice(0, 12), name]) assert.equal((await user.find(text)).id, id)
    })

    it('refuses a prefix that fits several containers', async () => {
      const ids: string[] = []
      // By the pigeonhole principle the 17th container shares its first digit with another one.
      const shared = () =>
        ids.map(([digit]) => digit).find((digit, index, all) => all.indexOf(digit) !== index)
      while (shared() === undefined) ids.push((await user.run({ image: 'web', start: false })).id)
      const prefix = shared() ?? ''
      await assert.rejects(user.find(prefix), { code: 'target_ambiguous' })
    })

    it('prefers a name to a prefix that looks the same', async () => {
      const first = await user.run({ image: 'web', start: false })
      const name = first.id.slice(0, 8)
      const second = await user.run({ image: 'web', start: false, name })
      assert.equal((await user.find(name)).id, second.id)
    })

    it('does not take part of a name for the name', async () => {
      const { name } = await user.run({ image: 'web', start: false })
      await assert.rejects(user.find(name.slice(0, -1)), {
        code: 'target_not_found',
        message: new RegExp(name.slice(0, -1)),
      })
    })

    it('tells a shell when there is one', async () => {
      const target = await user.target({ image: 'toolbox', cmd: ['/bin/sleep', '1000'] })
      assert.equal(target.hasShell, true)
      assert.equal((await user.find(user.web.name)).hasShell, false)
    })

    it('tells image, labels, times and state', async () => {
      const started = Date.now()
      const target = await user.target({ image: 'web', labels: { tier: 'backend' } })
      assert.equal(target.image, 'hatchway-test/web:1')
      assert.match(target.imageId ?? '', /^sha256:/)
      assert.equal(target.labels['tier'], 'backend')
      assert.ok(target.startedAt && Math.abs(target.startedAt.getTime() - started) < 60_000)
      assert.match(target.status, /^Up|running/i)
    })

    it('lists containers in every state', async () => {
      const created = await user.run({ image: 'web', start: false })
      const paused = await user.run({ image: 'web' })
      await paused.container.pause()
      const listed = await user.access.list({}, deadline())
      const stateOf = (id: string) => listed.find((target) => target.id === id)?.state
      assert.equal(stateOf(created.id), 'created')
      assert.equal(stateOf(paused.id), 'paused')
      assert.equal(stateOf(user.web.id), 'running')
      await paused.container.unpause()
    })

    it('knows the user of a container that does not run from its configuration', async () => {
      assert.equal((await user.target({ image: 'web', start: false })).user, '65532:65532')
    })

    it('tells that a container is a debug container of its own', async () => {
      const { container } = await user.open()
      const target = await user.find(container.id)
      assert.equal(target.ownSession, container.sessionId)
    })
  })
}
