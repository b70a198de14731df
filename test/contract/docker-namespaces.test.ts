import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import { profiles } from '../../server/core/vocabulary.ts'
import { DockerUser } from '../support/docker-user.ts'
import { testEngines } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { deadline, endOf } from './driver-ground.ts'

/** Targets whose namespaces or root are not the usual ones. */
for (const engine of await testEngines()) {
  describe(`target namespaces on Docker, ${engine.name} engine`, () => {
    let user: DockerUser
    before(async () => {
      user = await DockerUser.on(engine)
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    it('keeps the processes of the host from whom policy did not judge for them, by whatever chain they are reached', async () => {
      const agent = await user.run({ image: 'web', host: { PidMode: 'host' } })
      const exporter = await user.run({ image: 'web', host: { PidMode: `container:${agent.name}` } })
      const target = await user.target({ image: 'web', host: { PidMode: `container:${exporter.id}` } })
      for (const { name } of [agent, exporter, target]) {
        const found = await user.find(name)
        assert.deepEqual(found.facts, ['hostPid'], name)
        assert.match(found.warnings.join('; '), /host's processes/)
        for (const profile of profiles) {
          const opening = user.open({ target: found, profile, facts: [] })
          await assert.rejects(opening, {
            code: 'profile_insufficient',
            message: /sees its host's processes/,
          })
        }
      }
      const { shell } = await user.open({ target })
      assert.notEqual(
        await shell.run('cat /proc/1/comm'),
        'server',
        'policy has judged it: the first process is not its own',
      )
    })

    it('finds what is mounted, and what the engine calls a volume', async () => {
      const volume = await user.docker.createVolume({
        Name: `hatchway-test-${randomUUID()}`,
        DriverOpts: { type: 'none', o: 'bind', device: '/var/run' },
      })
      const plain = await user.target({ image: 'web', host: { Binds: ['/etc/hostname:/named:ro'] } })
      assert.deepEqual(plain.facts, [])
      const target = await user.target({ image: 'web', host: { Binds: [`${volume.name}:/host:ro`] } })
      assert.deepEqual(target.facts, ['hostPath', 'engineSocket'])
      await assert.rejects(user.open({ target, facts: ['hostPath'] }), { code: 'profile_insufficient' })
      await target.container.remove({ force: true })
      await user.docker.getVolume(volume.name).remove()
    })

    it('leaves no zombie below a first process that reaps nothing', async () => {
      const target = await user.target({ image: 'toolbox', cmd: ['/bin/sleep', '1000'] })
      const orphans = '(sleep 0.1 &); (setsid sleep 600 </dev/null &)'
      const left = await user.open({ target })
      await left.shell.run(orphans)
      left.shell.type('exit\n')
      await endOf(left)
      const stopped = await user.open({ target })
      await stopped.shell.run(orphans)
      await user.driver.stop(stopped.container, deadline())
      const witness = await user.open({ target })
      const zombies = 'cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z "'
      await eventually(async () => assert.equal(await witness.shell.run(zombies), '0'))
    })

    it('joins the network of a target that has none', async () => {
      const target = await user.target({ image: 'web', host: { NetworkMode: 'none' } })
      const { shell } = await user.open({ target })
      assert.equal(await shell.run('ls /sys/class/net'), 'lo')
      assert.equal(await shell.run('wget -qO- http://127.0.0.1:8080/hello.txt'), 'hello from the target')
    })

    it('joins the network of the host with a warning', async () => {
      const target = await user.target({
        image: 'toolbox',
        user: '65532:65532',
        cmd: ['/bin/sleep', '1000'],
        host: { NetworkMode: 'host' },
      })
      assert.ok(
        target.warnings.some((warning) => /host.*network|network.*host/i.test(warning)),
        target.warnings.join('; '),
      )
      const { shell } = await user.open({ target })
      const there = await shell.run('readlink /proc/1/ns/net')
      assert.match(there, /^net:/)
      assert.equal(await shell.run('readlink /proc/self/ns/net'), there)
    })

    it('joins the network that the target itself joined', async () => {
      const other = await user.run({ image: 'web' })
      const target = await user.target({
        image: 'toolbox',
        user: '65532:65532',
        cmd: ['/bin/sleep', '1000'],
        host: { NetworkMode: `container:${other.id}` },
      })
      const { shell } = await user.open({ target })
      assert.equal(await shell.run('wget -qO- http://127.0.0.1:8080/hello.txt'), 'hello from the target')
      assert.match(await shell.run('ps'), /sleep 1000/)
    })

    it('opens, or says why not, when the container whose network the target joined is gone', async () => {
      const other = await user.run({ image: 'web' })
      const target = await user.target({
        image: 'toolbox',
        user: '65532:65532',
        cmd: ['/bin/sleep', '1000'],
        host: { NetworkMode: `container:${other.id}` },
      })
      await user.docker.getContainer(other.id).remove({ force: true })
      const opening = await user.open({ target }).catch((cause: unknown) => cause)
      if (opening instanceof Error) {
        assert.equal((opening as Error & { code?: string }).code, 'start_failed')
        assert.match(opening.message, /network/)
        return
      }
      const { shell } = opening as Awaited<ReturnType<DockerUser['open']>>
      assert.match(await shell.run('ps'), /sleep 1000/)
    })

    it('reads a read-only root and cannot write it', async () => {
      const target = await user.target({ image: 'web', user: '0:0', host: { ReadonlyRootfs: true } })
      const { shell } = await user.open({ target })
      assert.equal(await shell.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
      assert.match(await shell.run('touch /proc/1/root/www/x 2>&1'), /Read-only file system/)
    })

    it('sees what the target has mounted', async () => {
      const target = await user.target({
        image: 'web',
        host: { Tmpfs: { '/scratch': 'mode=1777' } },
      })
      const { shell } = await user.open({ target })
      assert.equal(
        await shell.run('echo kept >/proc/1/root/scratch/note && cat /proc/1/root/scratch/note'),
        'kept',
      )
    })

    it('debugs a target whose image says that it is for another architecture', async () => {
      const target = await user.target({ image: 'web-arm64' })
      const { shell } = await user.open({ target })
      assert.equal(await shell.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
    })

    it('refuses a toolbox for another architecture, naming both', async () => {
      const toolbox = { ...user.ground.toolbox, image: 'hatchway-test/toolbox-arm64:1' }
      await user.run({ image: 'toolbox-arm64', start: false })
      const spec = user.spec({ toolbox })
      await assert.rejects(
        user.access.open(spec, user.web, () => {}, deadline()),
        (cause: Error & { code?: string }) => {
          assert.match(cause.code ?? '', /^(image_unavailable|start_failed)$/)
          assert.match(cause.message, /arm64/)
          assert.match(cause.message, /amd64/)
          return true
        },
      )
      assert.deepEqual(await user.ground.remains(spec.sessionId), [])
    })
  })
}
