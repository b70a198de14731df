import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { findRoot, launcherArgv, type Launch } from '../../server/drivers/docker/launch.ts'
import { launcherExits } from '../../server/drivers/shared/launch-place.ts'
import { underShell } from '../support/under-shell.ts'
import { within } from '../support/within.ts'

const run = promisify(execFile)
const launch: Launch = {
  deadlineSeconds: 20,
  architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  root: '/etc',
  unseen: 'unseen',
  interactive: false,
  sized: true,
  argv: ['/bin/sh'],
}

describe('launcher of a debug container', () => {
  it('passes everything that varies as arguments, never as shell text', () => {
    const plain = launcherArgv(launch)
    const argv = ["it's", '$(id)', '`id`', '', '-x']
    const hostile = launcherArgv({ ...launch, root: '/$(id)', unseen: '"; id; "', cwd: '`id`', argv })
    // The scripts and the guard are the same whatever else is asked.
    assert.deepEqual(hostile.slice(0, 8), plain.slice(0, 8))
    assert.deepEqual(hostile.slice(8, 13), ['/$(id)', '"; id; "', '', '`id`', 'sized'])
    assert.deepEqual(hostile.slice(13), argv)
  })

  it('keeps what it says on one line', () => {
    assert.equal(launcherArgv({ ...launch, unseen: 'a\nb\u001b[2J' })[9], 'a b [2J')
  })

  it('rounds the deadline up to a whole second', () => {
    assert.equal(launcherArgv({ ...launch, deadlineSeconds: 0.2 })[5], '1')
  })

  for (const shell of [['/bin/dash'], ['/bin/bash'], ['/bin/busybox', 'sh']]) {
    describe(`under ${shell.join(' ')}`, { concurrency: true }, () => {
      const start = async (change: Partial<Launch>, env: Record<string, string> = {}) => {
        const [program = '', ...rest] = underShell(launcherArgv({ ...launch, ...change }), shell)
        return await run(program, rest, { timeout: 15_000, env: { ...process.env, ...env } })
      }
      const show = ['/bin/sh', '-c', 'pwd; echo "$TARGET"; printf "[%s]" "$@"', 'x', 'a b']

      it('starts the command at home, says where the target is, and prints nothing itself', async () => {
        const { stdout, stderr } = await start({ argv: show }, { HOME: '/tmp' })
        assert.deepEqual([stdout, stderr], ['/tmp\n/etc\n[a b]', ''])
      })

      it('says where the target is above a prompt', async () => {
        const { stdout } = await start({ interactive: true, argv: ['/bin/echo', 'prompt'] })
        assert.equal(stdout, "The target's files: cd $TARGET (/etc)\nprompt\n")
      })

      it('says in one line why the target cannot be entered', async () => {
        const { stdout, stderr } = await start({ root: '/nowhere', argv: ['/bin/echo', 'on'] })
        assert.deepEqual([stdout, stderr], ['on\n', 'unseen\n'])
      })

      it('finds the root of a process by its user and name', async () => {
        const sleeper = spawn('/bin/sleep', ['23'])
        try {
          const { uid, gid } = userInfo()
          const argv = ['/bin/sh', '-c', 'echo "$TARGET"']
          const root = findRoot({ uid, gid, name: 'sleep' })
          // The oldest of that name, of whoever it is.
          assert.match((await start({ argv, root })).stdout, /^\/proc\/\d+\/root\n$/)
        } finally {
          sleeper.kill()
        }
      })

      it('keeps a home that can be written to, and takes /tmp for any other', async () => {
        const argv = ['/bin/sh', '-c', 'echo "$HOME"']
        const own = await mkdtemp(join(tmpdir(), 'hatchway-home-'))
        assert.equal((await start({ argv }, { HOME: own })).stdout, `${own}\n`)
        await rm(own, { recursive: true })
        for (const HOME of ['/', '/nowhere', '']) {
          assert.equal((await start({ argv }, { HOME })).stdout, '/tmp\n', HOME)
        }
      })

      it('begins where it is told to, below the target too, and nowhere else', async () => {
        const argv = ['/bin/sh', '-c', 'echo "$PWD"']
        for (const [cwd, expected] of [
          ['/usr', '/usr'],
          ['$TARGET', '/etc'],
          ['$TARGET/default', '/etc/default'],
        ] as const) {
          assert.equal((await start({ argv, cwd })).stdout, `${expected}\n`)
        }
        for (const [cwd, root] of [
          ['/$(id)', '/etc'],
          ['$TARGETS', '/etc'],
          ['$TARGET/default', '/nowhere'],
        ] as const) {
          await assert.rejects(start({ argv, cwd, root }), { code: launcherExits.badDirectory, stdout: '' })
        }
      })

      it('ends with the code of the command, and leaves nothing that the command has left', async () => {
        const argv = ['/bin/sh', '-c', '(sleep 24.1 & sleep 24.1 &); (setsid sleep 24.1 &); exit 3']
        await assert.rejects(start({ argv }), { code: 3 })
        assert.doesNotMatch((await run('ps', ['-eo', 'args'])).stdout, /^sleep 24\.1$/m)
      })

      for (const [what, architecture] of [
        ['by its guard', launch.architecture],
        ['by a watchdog, on a machine without a guard', 'riscv64'],
      ] as const) {
        it(`kills the command at its deadline, ${what}`, async () => {
          const ended = start({ deadlineSeconds: 1, architecture, argv: ['/bin/sleep', '14'] })
          await assert.rejects(
            within(ended, 'the end of the command'),
            (cause: { code?: number; signal?: string }) =>
              [cause.code, cause.signal].some((end) => end === 137 || end === 'SIGKILL'),
          )
        })
      }
    })
  }
})
