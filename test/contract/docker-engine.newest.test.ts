import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { dockerDriver } from '../support/docker-ground.ts'
import { DockerUser } from '../support/docker-user.ts'
import { startOwnEngine, stopOwnEngine, type OwnEngineOptions } from '../support/engine.ts'
import { Shell } from '../support/shell.ts'
import { deadline, endOf } from './driver-ground.ts'

// Engines that nobody else uses, because they are ended under running sessions.
const binaries = ['system', 'newest'] as const

for (const which of binaries) {
  describe(`restart of the Docker engine, ${which === 'system' ? 'oldest' : 'newest'} engine`, () => {
    const instance = `restarted-${which}`
    const starting = (...args: string[]): OwnEngineOptions => ({ binaries: which, args })
    let user: DockerUser

    describe('without live-restore', () => {
      before(async () => {
        user = await DockerUser.on(await startOwnEngine(instance, starting()))
      })
      after(async () => {
        await user.close()
        await stopOwnEngine(instance)
      })

      it('ends the session, says unavailable meanwhile, and works again afterwards', async () => {
        const opened = await user.open()
        await opened.shell.ready()
        await stopOwnEngine(instance)
        // Which of the two containers the engine ends first is its own affair.
        const end = await endOf(opened)
        if (end.kind === 'exit') assert.notEqual(end.exitCode, 0)
        await assert.rejects(user.driver.check(deadline()), {
          code: 'backend_unavailable',
          message: new RegExp(user.engine.socket),
        })
        await assert.rejects(user.access.list({}, deadline()), { code: 'backend_unavailable' })
        await assert.rejects(user.access.reattach(opened.container, deadline()), {
          code: 'backend_unavailable',
        })

        await startOwnEngine(instance, starting())
        await user.driver.check(deadline())
        await assert.rejects(user.access.reattach(opened.container, deadline()), { code: 'session_ended' })
        await user.driver.stop(opened.container, deadline())
        await user.docker.getContainer(user.web.id).start()
        const { shell } = await user.open({ target: await user.find(user.web.name) })
        assert.equal(await shell.run('wget -qO- http://127.0.0.1:8080/hello.txt'), 'hello from the target')
      })
    })

    describe('with live-restore', () => {
      before(async () => {
        user = await DockerUser.on(await startOwnEngine(instance, starting('--live-restore')))
      })
      after(async () => {
        await user.close()
        await stopOwnEngine(instance)
      })

      it('breaks the terminal, and the shell where the engine kept it goes on', async () => {
        const opened = await user.open()
        const pid = await opened.shell.pid()
        await stopOwnEngine(instance)
        const end = await endOf(opened)
        assert.equal(end.kind, 'disconnected')
        await startOwnEngine(instance, starting('--live-restore'))
        // 20.10 takes containers that remove themselves away when it starts, although they live; 28 keeps them.
        if ((await user.ground.remains(opened.container.sessionId)).length === 0) {
          assert.equal(which, 'system')
          await assert.rejects(user.access.reattach(opened.container, deadline()), { code: 'session_ended' })
          assert.equal((await user.find(user.web.name)).state, 'running')
          return
        }
        const terminal = await user.access.reattach(opened.container, deadline())
        const shell = new Shell(terminal)
        assert.equal(await shell.pid(), pid)
        assert.equal(await shell.run('wget -qO- http://127.0.0.1:8080/hello.txt'), 'hello from the target')
        assert.deepEqual(await user.driver.listOwned(deadline()), [opened.container])
        shell.type('exit 4\n')
        assert.deepEqual(await endOf({ terminal }), { kind: 'exit', exitCode: 4 })
      })
    })
  })
}

describe('a Docker engine that is not there', () => {
  it('is named with its socket and what to do', async () => {
    const driver = dockerDriver({ socket: '/nowhere/docker.sock' }, 'test-nowhere')
    for (const call of [
      driver.check(deadline()),
      driver.list({}, deadline()),
      driver.listOwned(deadline()),
    ]) {
      await assert.rejects(call, { code: 'backend_unavailable', message: /\/nowhere\/docker\.sock/ })
    }
    driver.close()
  })
})
