import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { mortalCommand } from '../support/docker-ground.ts'
import { DockerUser } from '../support/docker-user.ts'
import { testEngines } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { deadline, endOf } from './driver-ground.ts'

const mortal = { image: 'toolbox', user: '65532:65532', cmd: mortalCommand } as const

/** Every state that a target can be in, and every way it changes while somebody looks at it. */
for (const engine of await testEngines()) {
  describe(`target states on Docker, ${engine.name} engine`, () => {
    let user: DockerUser
    before(async () => {
      user = await DockerUser.on(engine)
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    const notRunning = (state: RegExp) => ({ code: 'target_not_running', message: state })

    it('refuses one that was only created, and says so', async () => {
      const target = await user.target({ image: 'web', start: false })
      assert.equal(target.state, 'created')
      await assert.rejects(user.open({ target }), notRunning(/created/i))
    })

    it('refuses one that exited, and says so', async () => {
      const target = await user.target(mortal)
      await target.container.kill({ signal: 'TERM' })
      await target.container.wait()
      const found = await user.find(target.name)
      assert.equal(found.state, 'exited')
      assert.match(found.status, /7/)
      await assert.rejects(user.open({ target: found }), notRunning(/exited/i))
    })

    it('refuses one that was removed after it was found', async () => {
      const target = await user.target({ image: 'web' })
      await target.container.remove({ force: true })
      await assert.rejects(user.open({ target }), { code: /^target_not_(found|running)$/ })
    })

    it('opens a paused one with a warning, and leaves it paused', async () => {
      const { name, container } = await user.run({ image: 'web' })
      await container.pause()
      const target = await user.find(name)
      assert.equal(target.state, 'paused')
      assert.ok(
        target.warnings.some((warning) => /paused|frozen/i.test(warning)),
        target.warnings.join('; '),
      )
      const { shell } = await user.open({ target })
      assert.equal(await shell.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
      assert.equal((await container.inspect()).State.Paused, true)
      await container.unpause()
      assert.equal(await shell.run('wget -qO- http://127.0.0.1:8080/hello.txt'), 'hello from the target')
    })

    it('waits for a restarting one to be back, or says that it is restarting', async () => {
      const { name, container } = await user.run({
        image: 'toolbox',
        user: '65532:65532',
        cmd: ['/bin/sh', '-c', 'exit 1'],
        host: { RestartPolicy: { Name: 'always' } },
      })
      await eventually(async () => (await container.inspect()).RestartCount >= 5, { what: 'five restarts' })
      const target = await eventually(
        async () => {
          const found = await user.find(name)
          return found.state === 'restarting' && found
        },
        { what: 'a target that is restarting' },
      )
      await assert.rejects(user.open({ target }), (cause: Error & { code?: string }) => {
        assert.match(cause.code ?? '', /^(target_not_running|start_failed)$/)
        assert.match(cause.message, /restart|not running|stopped/i)
        return true
      })
    })

    it('opens one that is back after a restart', async () => {
      const { name, container } = await user.run({
        image: 'toolbox',
        user: '65532:65532',
        cmd: ['/bin/sh', '-c', 'mkdir /tmp/second && exit 1; exec sleep 1000'],
        host: { RestartPolicy: { Name: 'always' } },
      })
      await eventually(async () => (await container.inspect()).RestartCount >= 1, { what: 'a restart' })
      const { shell } = await user.open({ target: await user.find(name) })
      assert.match(await shell.run('ps'), /sleep 1000/)
    })

    it('ends the session when the target is restarted, and does not follow it', async () => {
      const target = await user.target(mortal)
      const opened = await user.open({ target })
      await opened.shell.ready()
      await target.container.restart({ t: 5 })
      const end = await endOf(opened)
      assert.equal(end.kind, 'target-exited')
      await assert.rejects(user.access.reattach(opened.container, deadline()), { code: 'session_ended' })
    })

    it('ends the session when the target is killed, and does not take 137 for its own', async () => {
      const target = await user.target({ image: 'web' })
      const opened = await user.open({ target })
      await opened.shell.ready()
      await target.container.kill()
      const end = await endOf(opened)
      assert.equal(end.kind, 'target-exited')
      assert.match('detail' in end ? end.detail : '', /137/)
    })

    it('ends the session when the target is removed by force', async () => {
      const target = await user.target({ image: 'web' })
      const opened = await user.open({ target })
      await opened.shell.ready()
      await target.container.remove({ force: true })
      assert.equal((await endOf(opened)).kind, 'target-exited')
    })

    it('tells when the target ran out of memory', async () => {
      const target = await user.target({
        image: 'toolbox',
        user: '65532:65532',
        cmd: ['/bin/sh', '-c', "trap 'exec tail /dev/zero' TERM; while :; do sleep 0.05; done"],
        host: { Memory: 16 * 1024 * 1024, MemorySwap: 16 * 1024 * 1024 },
      })
      const opened = await user.open({ target })
      await opened.shell.ready()
      await target.container.kill({ signal: 'TERM' })
      const end = await endOf(opened, 30_000)
      assert.equal(end.kind, 'target-exited')
      assert.match('detail' in end ? end.detail : '', /memory|OOM/i)
    })

    it('finds a recreated container by its name, as another target', async () => {
      const first = await user.target(mortal)
      const opened = await user.open({ target: first })
      await opened.shell.ready()
      await first.container.remove({ force: true })
      assert.equal((await endOf(opened)).kind, 'target-exited')
      const second = await user.target({ ...mortal, name: first.name })
      assert.notEqual(second.id, first.id)
      assert.equal(opened.container.targetId, first.id)
      await assert.rejects(user.open({ target: first }), { code: 'target_not_found' })
      const { shell } = await user.open({ target: second })
      await shell.ready()
    })

    it('tells a debug container that somebody removes or kills from a shell that kills itself', async () => {
      const target = await user.target({ image: 'web' })
      const ends: Record<string, (id: string) => Promise<unknown>> = {
        'docker rm -f': (id) => user.docker.getContainer(id).remove({ force: true }),
        'docker kill': (id) => user.docker.getContainer(id).kill(),
        'docker stop': (id) => user.docker.getContainer(id).stop(),
      }
      for (const [what, end] of Object.entries(ends)) {
        const opened = await user.open({ target })
        await opened.shell.ready()
        await end(opened.container.id)
        assert.equal((await endOf(opened)).kind, 'removed', what)
        await assert.rejects(user.access.reattach(opened.container, deadline()), { code: 'session_ended' })
      }
      const opened = await user.open({ target })
      await opened.shell.ready()
      opened.shell.type('kill -9 $$\n')
      assert.deepEqual(await endOf(opened), { kind: 'exit', exitCode: 137 })
    })

    it('tells how the target ended when the user kills it from inside', async () => {
      const target = await user.target(mortal)
      const opened = await user.open({ target })
      await opened.shell.ready()
      opened.shell.type('kill 1\n')
      const end = await endOf(opened)
      assert.equal(end.kind, 'target-exited')
      assert.match('detail' in end ? end.detail : '', /\b7\b/)
    })
  })
}
