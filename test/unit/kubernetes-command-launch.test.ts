import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after, describe, it } from 'node:test'
import { commandLauncher, commandOrders } from '../../server/drivers/kubernetes/debug/command-launch.ts'
import { launcherExits } from '../../server/drivers/shared/launch-place.ts'
import { underShell } from '../support/under-shell.ts'
import { eventually } from '../support/eventually.ts'
import { within } from '../support/within.ts'

const launch = {
  deadlineSeconds: 30,
  claimSeconds: 30,
  unseen: 'unseen',
  unshared: 'unshared',
  argv: ['/bin/sh', '-c', 'echo out; cat; exit 3'],
}

class Launched {
  readonly process: ChildProcess
  readonly #closed: Promise<unknown>
  stdout = ''
  stderr = ''

  constructor(shell: readonly string[], change: Partial<typeof launch>, path?: string) {
    const [file = '', ...rest] = underShell(commandLauncher({ ...launch, ...change }), shell)
    this.process = spawn(file, rest, {
      stdio: 'pipe',
      ...(path !== undefined && { env: { PATH: path } }),
    })
    this.#closed = once(this.process, 'close')
    this.process.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()))
    this.process.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
    this.process.stdin?.on('error', () => {})
  }

  say(word: string): void {
    this.process.stdin?.write(`${word}\n`)
  }

  /** The exit code, or the signal's name, once all that it wrote has been read. */
  async ended(): Promise<unknown> {
    await within(this.#closed, 'the launcher to end')
    return this.process.exitCode ?? this.process.signalCode
  }
}

describe('launcher of a command in an ephemeral container', () => {
  const started: Launched[] = []
  after(() => {
    for (const { process } of started) {
      process.stdin?.end()
      process.kill('SIGKILL')
    }
  })

  it('passes everything that varies as arguments, never as shell text', () => {
    const plain = commandLauncher(launch)
    const argv = ["it's", '$(id)', '`id`', '', '-x']
    const hostile = commandLauncher({ ...launch, unseen: '"; id; "\n', unshared: '`id`', cwd: '$(id)', argv })
    // The scripts and the guards are the same whatever is asked.
    assert.deepEqual(hostile.slice(0, 11), plain.slice(0, 11))
    assert.deepEqual(hostile.slice(11, 16), ['', '"; id; " ', '`id`', '', '$(id)'])
    assert.deepEqual(hostile.slice(16), argv)
  })

  it('says which tool is missing', async () => {
    const launched = new Launched(['/bin/dash'], {}, '/nonexistent')
    started.push(launched)
    assert.equal(await launched.ended(), launcherExits.missingTool)
    await eventually(() => /has no sleep/.test(launched.stderr))
  })

  for (const shell of [['/bin/dash'], ['/bin/bash'], ['/bin/busybox', 'sh']]) {
    describe(shell.join(' '), { concurrency: true }, () => {
      const start = (change: Partial<typeof launch> = {}) => {
        const launched = new Launched(shell, change)
        started.push(launched)
        return launched
      }

      it('begins when it is told to, with an empty input, and says nothing of its own', async () => {
        const launched = start()
        launched.say(commandOrders.begin)
        assert.equal(await launched.ended(), 3)
        assert.deepEqual([launched.stdout, launched.stderr.replace('unseen\n', '')], ['out\n', ''])
      })

      it('ends itself when nobody claims it', async () => {
        const launched = start({ claimSeconds: 1 })
        assert.equal(await launched.ended(), launcherExits.unclaimed)
        assert.equal(launched.stdout, '')
      })

      it('never begins when it is told to end, or when nobody is there', async () => {
        const told = start()
        told.say(commandOrders.end)
        assert.equal(await told.ended(), launcherExits.ordered)
        const alone = start()
        alone.process.stdin?.end()
        assert.equal(await alone.ended(), launcherExits.unclaimed)
        assert.equal(told.stdout + alone.stdout, '')
      })

      const deaf = ['/bin/sh', '-c', "trap '' HUP INT QUIT TERM; echo begun; while :; do sleep 1; done"]

      it('ends a command that ignores every polite signal when it is ordered to', async () => {
        const launched = start({ argv: deaf })
        launched.say(commandOrders.begin)
        await eventually(() => launched.stdout === 'begun\n')
        launched.say(commandOrders.end)
        assert.equal(await launched.ended(), 137)
      })

      it('ends a command when the gateway is gone', async () => {
        const launched = start({ argv: deaf })
        launched.say(commandOrders.begin)
        await eventually(() => launched.stdout === 'begun\n')
        launched.process.stdin?.end()
        assert.equal(await launched.ended(), 137)
      })

      it('ends a command at its deadline', async () => {
        const launched = start({ argv: deaf, deadlineSeconds: 2 })
        launched.say(commandOrders.begin)
        assert.equal(await launched.ended(), 137)
      })
    })
  }
})
