import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { busyboxToolbox } from '../../server/start/busybox-toolbox.ts'
import type { DockerDriver } from '../../server/drivers/docker/driver.ts'
import { dockerDriver } from '../support/docker-ground.ts'
import { DockerUser } from '../support/docker-user.ts'
import { testEngines } from '../support/engine.ts'
import { freePort } from '../support/free-port.ts'
import { Shell } from '../support/shell.ts'
import { deadline } from './driver-ground.ts'

/** The default toolbox on a host whose registry can't be reached: built from the host's own static busybox. */
for (const engine of await testEngines()) {
  describe(`built-in toolbox on Docker, ${engine.name} engine`, () => {
    let user: DockerUser
    let image: string
    const drivers: DockerDriver[] = []
    before(async () => {
      user = await DockerUser.on(engine)
      image = `127.0.0.1:${await freePort()}/busybox:1.37`
    })
    afterEach(async () => {
      await user.stopAll()
      for (const driver of drivers.splice(0)) driver.close()
    })
    after(async () => {
      await user.docker.getImage(image).remove({ force: true })
      await user.close()
    })

    const connect = (busybox: string) => {
      const driver = dockerDriver(engine, user.installation, { builtin: busyboxToolbox(image, busybox) })
      drivers.push(driver)
      return driver
    }
    const toolbox = (name: string) => ({ name: 'busybox', image: name, shell: ['/bin/sh'] })

    it('is not built without a busybox: the error is the one of the pull', async () => {
      const opening = connect('/no/busybox').open(
        user.spec({ toolbox: toolbox(image) }),
        user.web,
        () => {},
        deadline(),
      )
      await assert.rejects(opening, { code: 'image_unavailable', message: new RegExp(image) })
    })

    it('is not built in place of another image', async () => {
      const other = image.replace('busybox', 'netshoot')
      const opening = connect('/bin/busybox').open(
        user.spec({ toolbox: toolbox(other) }),
        user.web,
        () => {},
        deadline(),
      )
      await assert.rejects(opening, { code: 'image_unavailable', message: new RegExp(other) })
    })

    it('is built when the pull fails, says so, and works; the second time it is there', async () => {
      const driver = connect('/bin/busybox')
      const first = await driver.open(user.spec({ toolbox: toolbox(image) }), user.web, () => {}, deadline())
      assert.ok(
        first.notices.some((notice) => /busybox/.test(notice)),
        first.notices.join('; '),
      )
      const shell = new Shell(first.stream)
      assert.equal(await shell.run('wget -qO- http://127.0.0.1:8080/hello.txt'), 'hello from the target')
      assert.equal(
        await shell.run(
          'for tool in vi ps top less tar nc; do which $tool >/dev/null || echo no $tool; done',
        ),
        '',
      )
      assert.equal(await shell.run('echo note >/tmp/note && cat /tmp/note'), 'note')
      await driver.stop(first.container, deadline())

      const phases: string[] = []
      const second = await driver.open(
        user.spec({ toolbox: toolbox(image) }),
        user.web,
        ({ phase }) => phases.push(phase),
        deadline(),
      )
      assert.equal(await second.imageId, await first.imageId)
      assert.ok(!phases.includes('pulling'))
      assert.deepEqual(second.notices, [])
      await driver.stop(second.container, deadline())
    })
  })
}
