import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import type { DebugContainer } from '../../server/core/debug-container.ts'
import type { StartPhase } from '../../server/core/vocabulary.ts'
import { eventually } from '../support/eventually.ts'
import { Shell } from '../support/shell.ts'
import {
  type CollectedCommand,
  deadline,
  type DriverGround,
  DriverUser,
  endOf,
  engineer,
  type OpenedShell,
  type OpenOptions,
  resultOf,
} from './driver-ground.ts'

/** From the first call to the last trace: detaching, dying, being stopped, being given up. */
export function lifeContract(start: () => Promise<DriverGround>): void {
  describe('life', () => {
    let user: DriverUser
    before(async () => {
      user = new DriverUser(await start())
      await user.start()
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    const gone = ({ sessionId }: Pick<DebugContainer, 'sessionId'>, timeoutMs = 10_000) =>
      eventually(async () => (await user.ground.remains(sessionId)).length === 0, {
        what: 'nothing to remain of the session',
        timeoutMs,
      })

    /** A start that may not begin yet, and something that was opened wholly since. */
    const held = async (begun: (options: OpenOptions) => Promise<unknown>) => {
      const gate = Promise.withResolvers<void>()
      const sessionId = randomUUID()
      let settled = false
      const opening = begun({ sessionId, mayBegin: gate.promise }).finally(() => (settled = true))
      opening.catch(() => {})
      const { shell } = await user.open()
      await shell.ready()
      assert.equal(settled, false)
      return { gate, opening, sessionId }
    }

    it('begins nothing before it may', async () => {
      const terminal = await held((options) => user.open(options))
      terminal.gate.resolve()
      const { shell } = (await terminal.opening) as OpenedShell
      assert.equal(await shell.run('echo begun'), 'begun')
      const command = await held((options) => user.runCommand(['/bin/echo', 'begun'], options))
      command.gate.resolve()
      assert.equal((await resultOf((await command.opening) as CollectedCommand)).stdout, 'begun\n')
    })

    it('leaves nothing of what may not begin, and says why', async () => {
      for (const begin of [
        (options: OpenOptions) => user.open(options),
        (options: OpenOptions) => user.runCommand(['/bin/echo', 'begun'], options),
      ]) {
        const { gate, opening, sessionId } = await held(begin)
        gate.reject(new HatchwayError('store_unavailable', 'It is not stored.'))
        await assert.rejects(opening, { code: 'store_unavailable' })
        await gone({ sessionId })
      }
    })

    it('leaves nothing of what is given up before it may begin', async () => {
      const controller = new AbortController()
      const { opening, sessionId } = await held((options) =>
        user.open({ ...options, signal: controller.signal }),
      )
      controller.abort()
      await assert.rejects(opening, { code: 'cancelled' })
      await gone({ sessionId })
    })

    it('leaves nothing behind when the shell ends by itself', async () => {
      const opened = await user.open()
      opened.shell.type('exit\n')
      await endOf(opened)
      await gone(opened.container)
    })

    it('stops, also twice, also at the same time', async () => {
      const { container } = await user.open()
      assert.notDeepEqual(await user.ground.remains(container.sessionId), [])
      await Promise.all([user.driver.stop(container, deadline()), user.driver.stop(container, deadline())])
      assert.deepEqual(await user.ground.remains(container.sessionId), [])
      await user.driver.stop(container, deadline())
    })

    it('stops a shell that ignores every polite signal, and ends its terminal', async () => {
      const opened = await user.open()
      await opened.shell.run("trap '' HUP INT TERM QUIT")
      await user.driver.stop(opened.container, deadline())
      assert.deepEqual(await user.ground.remains(opened.container.sessionId), [])
      await endOf(opened)
    })

    it('stops what was never there', async () => {
      const { container } = await user.open()
      await user.driver.stop({ ...container, id: '0'.repeat(container.id.length) }, deadline())
    })

    it('leaves no process behind in the target when it is stopped', async () => {
      const { shell, container } = await user.open()
      const { shell: watcher } = await user.open()
      // Nothing else on this machine sleeps for so long.
      const sleeper = `sleep ${1_000_000 + process.pid}`
      await shell.run(`setsid ${sleeper} >/dev/null 2>&1 </dev/null & sleep 0`)
      const isThere = async () =>
        (await watcher.run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")).includes(sleeper)
      await eventually(isThere, {
        what: 'the process to be there',
      })
      await user.driver.stop(container, deadline())
      await eventually(async () => !(await isThere()), {
        what: 'the process to be gone',
      })
    })

    it("ends with the target, and tells the target's exit code", async () => {
      const mortal = await user.ground.startMortal()
      const target = await user.access.find(mortal.ref, {}, deadline())
      const opened = await user.open({ target })
      await opened.shell.ready()
      await mortal.end()
      const end = await endOf(opened)
      assert.equal(end.kind, 'target-exited')
      assert.match('detail' in end ? end.detail : '', /\b7\b/)
      await gone(opened.container)
    })

    it('survives a detach, and reattaches to the same shell without typing into it', async () => {
      const opened = await user.open()
      const pid = await opened.shell.pid()
      await opened.shell.run('remembered=yes')
      opened.shell.type("stty raw -echo; printf '<%s>' go; head -c 4 | od -An -v -tx1; stty sane\n")
      await opened.shell.expect(/<go>/)
      opened.terminal.detach()
      await endOf(opened)
      assert.notDeepEqual(await user.ground.remains(opened.container.sessionId), [])

      const terminal = await user.access.reattach(opened.container, deadline())
      const shell = new Shell(terminal)
      shell.type('ABCD')
      await shell.expect(/41 42 43 44/)
      assert.equal(await shell.pid(), pid)
      assert.equal(await shell.run('echo $remembered'), 'yes')
      await terminal.resize({ cols: 99, rows: 22 })
      assert.equal(await shell.run('stty size'), '22 99')
      shell.type('exit 5\n')
      assert.deepEqual(await endOf({ terminal }), { kind: 'exit', exitCode: 5 })
    })

    it('is found again by another process from the stored description', async () => {
      const { container, terminal, shell } = await user.open()
      const pid = await shell.pid()
      terminal.detach()
      const other = await user.ground.connect(user.installation)
      const stored = JSON.parse(JSON.stringify(container)) as DebugContainer
      const again = new Shell(await other.as(engineer).reattach(stored, deadline()))
      assert.equal(await again.pid(), pid)
      await other.stop(stored, deadline())
      other.close()
      assert.deepEqual(await user.ground.remains(container.sessionId), [])
    })

    it('tells a reattach that the session has ended', async () => {
      const { container } = await user.open()
      await user.driver.stop(container, deadline())
      await assert.rejects(user.access.reattach(container, deadline()), { code: 'session_ended' })
    })

    it('kills itself at its deadline, with nobody attached', async () => {
      const { container, terminal, shell } = await user.open({ maxDurationMs: 3000 })
      await shell.run("trap '' HUP INT TERM QUIT")
      terminal.detach()
      assert.notDeepEqual(
        await user.ground.remains(container.sessionId),
        [],
        'it still runs before its deadline',
      )
      await gone(container, 15_000)
    })

    it('kills itself at its deadline with a user at work, who sees an end', async () => {
      const opened = await user.open({
        maxDurationMs: 3000,
        command: ['/bin/sh', '-c', 'while :; do sleep 1; done'],
      })
      const end = await endOf(opened, 15_000)
      assert.equal(end.kind, 'exit')
      await gone(opened.container)
    })

    for (const phase of ['resolving', 'creating', 'attaching'] satisfies StartPhase[]) {
      it(`leaves nothing behind when it is aborted while ${phase}`, async () => {
        const controller = new AbortController()
        const spec = user.spec()
        const onProgress = (progress: { phase: StartPhase }) => {
          if (progress.phase === phase) controller.abort()
        }
        await assert.rejects(user.access.open(spec, user.web, onProgress, controller.signal), {
          code: 'cancelled',
        })
        assert.deepEqual(await user.ground.remains(spec.sessionId), [])
      })
    }

    it('leaves nothing behind whenever it is aborted', async () => {
      for (let delayMs = 0; delayMs <= 200; delayMs += 20) {
        const spec = user.spec()
        const opening = user.access.open(spec, user.web, () => {}, AbortSignal.timeout(delayMs))
        const opened = await opening.catch((cause: unknown) => {
          assert.equal((cause as { code?: string }).code, 'cancelled', String(cause))
        })
        if (opened) await user.driver.stop(opened.container, deadline())
        assert.deepEqual(await user.ground.remains(spec.sessionId), [], `aborted after ${delayMs} ms`)
      }
    })
  })
}
