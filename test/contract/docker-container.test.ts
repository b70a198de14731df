import assert from 'node:assert/strict'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, afterEach, before, describe, it } from 'node:test'
import type { DebugContainer } from '../../server/core/debug-container.ts'
import { DockerUser } from '../support/docker-user.ts'
import { ensureImages, imageRef } from '../support/images.ts'
import { testEngines } from '../support/engine.ts'
import { deadline, endOf, resultOf } from './driver-ground.ts'

/** What the debug container is to the engine and to others on it. */
for (const engine of await testEngines()) {
  describe(`debug container on Docker, ${engine.name} engine`, () => {
    let user: DockerUser
    before(async () => {
      user = await DockerUser.on(engine)
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    const inspect = ({ id }: DebugContainer) => user.docker.getContainer(id).inspect()

    it('keeps the session out of the logs of the engine', async () => {
      const { shell, container } = await user.open()
      await shell.run('echo se""cret')
      assert.equal((await inspect(container)).HostConfig.LogConfig?.Type, 'none')
      const logs = await user.docker
        .getContainer(container.id)
        .logs({ stdout: true, stderr: true, follow: false })
        .catch((cause: Error) => cause)
      // The engine refuses, or says in place of a log that this driver has none to read.
      assert.doesNotMatch(String(logs), /secret/)
    })

    it('is labelled for people and reapers', async () => {
      const { container } = await user.open({ user: 'ann "x" <ann@example.com>\n😀', maxDurationMs: 60_000 })
      const labels = (await inspect(container)).Config.Labels
      assert.equal(labels['hatchway.session'], container.sessionId)
      assert.equal(labels['hatchway.installation'], user.installation)
      assert.equal(labels['hatchway.user'], 'ann "x" <ann@example.com>\n😀')
      const left = Date.parse(labels['hatchway.deadline'] ?? '') - Date.now()
      assert.ok(left > 30_000 && left < 65_000, `the deadline is ${left} ms away`)
    })

    it('has limits of its own', async () => {
      const { container } = await user.open()
      const { Memory, NanoCpus, PidsLimit } = (await inspect(container)).HostConfig
      for (const [name, limit] of Object.entries({ Memory, NanoCpus, PidsLimit })) {
        assert.ok(typeof limit === 'number' && limit > 0, `${name} is ${limit}`)
      }
    })

    it('is made once for a command, also where the target has changed since it was looked at', async () => {
      // A terminal's container is started on what was last known, and again when that turns out to be old.
      ;(await user.open()).terminal.detach()
      const target = await user.access.find(user.web.ref, {}, deadline())
      await user.docker.getContainer(user.web.id).restart({ t: 0 })
      const since = Math.floor(Date.now() / 1000)
      const opened = await user.runCommand(['echo', 'once'], { target })
      assert.deepEqual((await resultOf(opened)).stdout, 'once\n')
      const until = Math.ceil(Date.now() / 1000) + 1
      const filters = { event: ['create'], label: [`hatchway.session=${opened.container.sessionId}`] }
      const events = await user.docker.getEvents({ since, until, filters })
      const made = (await text(events as Readable)).split('\n').filter((line) => line !== '')
      assert.equal(made.length, 1)
    })

    it('is given nothing of the host', async () => {
      const { container } = await user.open()
      const { HostConfig, Mounts, Config } = await inspect(container)
      assert.equal(HostConfig.Privileged, false)
      assert.deepEqual(HostConfig.Binds ?? [], [])
      assert.deepEqual(HostConfig.Devices ?? [], [])
      assert.deepEqual(Mounts, [])
      assert.ok([HostConfig.SecurityOpt].flat().includes('no-new-privileges'))
      assert.equal(HostConfig.RestartPolicy?.Name || 'no', 'no')
      assert.equal(Config.OpenStdin && Config.Tty, true)
      assert.equal(Config.StdinOnce, false, 'a detached client does not close stdin')
    })

    it('shares namespaces with the full id, so that a name given away does not matter', async () => {
      const { container } = await user.open()
      const { HostConfig } = await inspect(container)
      assert.equal(HostConfig.PidMode, `container:${user.web.id}`)
      assert.equal(HostConfig.NetworkMode, `container:${user.web.id}`)
      assert.equal(container.targetId, user.web.id)
    })

    it('has a /tmp of its own where the image has none, bounded, and executable for whoever it runs as', async () => {
      await ensureImages(user.docker, 'toolbox-bare')
      const bare = { name: 'bare', image: imageRef('toolbox-bare'), shell: ['/bin/busybox', 'sh'] }
      // Nothing but /bin/sh is asked of an image, so what the rest would do is asked of busybox.
      const { shell } = await user.open({ toolbox: bare })
      assert.equal(await shell.run('echo "$HOME $(id -u)" >/tmp/note; cat /tmp/note'), '/tmp 65532')
      const mounted = await shell.run("sed -n 's#^tmpfs /tmp tmpfs ##p' /proc/mounts")
      assert.match(mounted, /^rw,nosuid,nodev,.*size=\d+k/)
      assert.doesNotMatch(mounted, /noexec/)
    })

    it('does not take the target along when it runs out of memory', async () => {
      const { shell, container } = await user.open()
      const { Memory } = (await inspect(container)).HostConfig
      assert.ok(Memory && Memory <= 2 * 1024 ** 3, `${Memory} bytes can be used up in a test`)
      await shell.run('tail /dev/zero 2>&1', 60_000).catch(() => '')
      const target = await user.docker.getContainer(user.web.id).inspect()
      assert.equal(target.State.Running, true)
      assert.equal(target.State.OOMKilled, false)
    })

    it('is stopped by its own process limit and not by that of the host', async () => {
      const { shell, container } = await user.open()
      assert.match(
        await shell.run('(while :; do sleep 300 >/dev/null 2>&1 & done) 2>&1 | tail -n 1', 30_000),
        /can't fork: Resource temporarily unavailable/,
      )
      assert.equal((await user.docker.getContainer(user.web.id).inspect()).State.Running, true)
      await user.driver.stop(container, deadline())
      assert.deepEqual(await user.ground.remains(container.sessionId), [])
    })

    it('is removed after its end, without anybody left to do so', async () => {
      const opened = await user.open()
      assert.equal((await inspect(opened.container)).HostConfig.AutoRemove, true)
      opened.shell.type('exit\n')
      await endOf(opened)
    })
  })
}
