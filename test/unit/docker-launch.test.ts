import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { launcherArgv } from '../../server/targets/docker-launch.ts'

const run = promisify(execFile)
const launch = { deadlineSeconds: 20, root: '/', unseen: 'unseen', sized: true, argv: ['/bin/sh'] }

describe('launcher of a debug container', () => {
  it('passes everything that varies as arguments, never as shell text', () => {
    const plain = launcherArgv(launch)
    const argv = ["it's", '$(id)', '`id`', '', '-x']
    const hostile = launcherArgv({ ...launch, root: '/$(id)', unseen: '"; id; "', argv })
    // The two scripts, the launcher's and the watchdog's, are the same whatever else is asked.
    assert.equal(hostile[2], plain[2])
    assert.equal(hostile[8], plain[8])
    assert.deepEqual(hostile.slice(4, 8), ['20', '/$(id)', '"; id; "', 'sized'])
    assert.deepEqual(hostile.slice(9), argv)
  })

  it('keeps what it says on one line', () => {
    assert.equal(launcherArgv({ ...launch, unseen: 'a\nb\u001b[2J' })[6], 'a b [2J')
  })

  it('rounds the deadline up to a whole second', () => {
    assert.equal(launcherArgv({ ...launch, deadlineSeconds: 0.2 })[4], '1')
  })

  for (const shell of [['/bin/dash'], ['/bin/bash'], ['/bin/busybox', 'sh']]) {
    const start = async (change: Partial<typeof launch>) => {
      const [program = '', ...first] = shell
      const [, ...rest] = launcherArgv({ ...launch, ...change })
      return await run(program, [...first, ...rest], { timeout: 15_000 })
    }

    it(`starts the command in the directory, under ${shell.join(' ')}, and prints nothing itself`, async () => {
      const { stdout, stderr } = await start({
        root: '/etc',
        argv: ['/bin/sh', '-c', 'pwd; printf "[%s]" "$@"', 'x', 'a b'],
      })
      assert.equal(stdout, '/etc\n[a b]')
      assert.equal(stderr, '')
    })

    it(`says in one line why the directory cannot be entered, under ${shell.join(' ')}`, async () => {
      const { stdout, stderr } = await start({ root: '/nowhere', argv: ['/bin/echo', 'on'] })
      assert.equal(stdout, 'on\n')
      assert.equal(stderr, 'unseen\n')
    })

    it(`kills the command at its deadline, under ${shell.join(' ')}`, async () => {
      const startedAt = performance.now()
      await assert.rejects(start({ deadlineSeconds: 1, argv: ['/bin/sleep', '14'] }), { signal: 'SIGKILL' })
      assert.ok(performance.now() - startedAt < 10_000)
    })
  }
})
