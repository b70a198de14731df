import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { DockerUser } from '../support/docker-user.ts'
import { privilegedEngines } from '../support/engine.ts'

const root = { image: 'web', user: '0:0' } as const

/** Privileged targets, and the one profile that is privileged. */
for (const engine of await privilegedEngines()) {
  describe(`privileged containers on Docker, ${engine.name} engine`, () => {
    let user: DockerUser
    before(async () => {
      user = await DockerUser.on(engine)
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    it('does not become privileged by itself for a privileged target, and says what that costs', async () => {
      const target = await user.target({ ...root, host: { Privileged: true } })
      assert.ok(
        target.warnings.some((warning) => /privileged/i.test(warning)),
        target.warnings.join('; '),
      )
      const { identity, shell } = await user.open({ target })
      assert.ok(!identity.capabilities.includes('ALL'))
      assert.equal(identity.seesFiles, false)
      assert.match(identity.explanation, /privileged/i)
      assert.equal(await shell.run('cat /proc/1/root/www/hello.txt 2>/dev/null || echo blind'), 'blind')
    })

    it('sees a privileged target with sysadmin', async () => {
      const target = await user.target({ ...root, host: { Privileged: true } })
      const { identity, shell } = await user.open({ target, profile: 'sysadmin' })
      assert.deepEqual(identity.capabilities, ['ALL'])
      assert.equal(identity.seesFiles, true)
      assert.equal(await shell.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
    })

    it('sees any other target with sysadmin', async () => {
      const { identity, shell } = await user.open({ profile: 'sysadmin' })
      assert.equal(identity.seesFiles, true)
      assert.equal(await shell.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
    })

    it('looks at the right process of a pid=host target with sysadmin', async () => {
      const target = await user.target({ image: 'web', host: { PidMode: 'host' } })
      const { State } = await target.container.inspect()
      const { shell, identity } = await user.open({ target, profile: 'sysadmin' })
      assert.equal(identity.seesFiles, true)
      assert.equal(await shell.run(`cat /proc/${State.Pid}/root/www/hello.txt`), 'hello from the target')
      assert.equal(
        await shell.run('cat $TARGET/www/hello.txt'),
        'hello from the target',
        'starts in the root of the target',
      )
    })
  })
}
