import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { DebugContainer, DebugSpec } from '../../server/core/debug-container.ts'
import { DockerUser } from '../support/docker-user.ts'
import { testEngines } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { Shell } from '../support/shell.ts'
import { within } from '../support/within.ts'
import { deadline } from './driver-ground.ts'

const opener = fileURLToPath(new URL('../support/open-and-wait.ts', import.meta.url))

/** A gateway process that is killed without a chance to clean up. */
for (const engine of await testEngines()) {
  describe(`gateway crash on Docker, ${engine.name} engine`, () => {
    let user: DockerUser
    before(async () => {
      user = await DockerUser.on(engine)
    })
    after(async () => {
      await user.stopAll()
      await user.close()
    })

    /** Opens in a process of its own and kills that process. */
    async function crash(change: Partial<DebugSpec> = {}): Promise<DebugContainer> {
      const job = { socket: engine.socket, target: user.web.name, spec: user.spec(change) }
      const child = spawn(process.execPath, [opener, JSON.stringify(job)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = await within(
        once(createInterface(child.stdout), 'line'),
        'the other process to open',
        30_000,
      )
      child.kill('SIGKILL')
      await once(child, 'exit')
      return (JSON.parse(String(line)) as { container: DebugContainer }).container
    }

    it('leaves a session that the next process finds, reattaches and stops', async () => {
      const container = await crash()
      assert.deepEqual(await user.driver.listOwned(deadline()), [container])
      const shell = new Shell(await user.access.reattach(container, deadline()))
      assert.equal(await shell.run('wget -qO- http://127.0.0.1:8080/hello.txt'), 'hello from the target')
      await user.driver.stop(container, deadline())
      assert.deepEqual(await user.driver.listOwned(deadline()), [])
    })

    it('leaves a session that ends at its deadline by itself', async () => {
      const container = await crash({ maxDurationMs: 3000 })
      await eventually(async () => (await user.ground.remains(container.sessionId)).length === 0, {
        what: 'the debug container to end itself',
        timeoutMs: 15_000,
      })
    })
  })
}
