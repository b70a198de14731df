import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { DebugContainer } from '../../server/core/debug-container.ts'
import type { StartPhase } from '../../server/core/vocabulary.ts'
import type { Target } from '../../server/core/target.ts'
import { eventually } from '../support/eventually.ts'
import { deadline, type DriverGround, type Test, DriverUser, resultOf } from './driver-ground.ts'

/** One command without a terminal. */
export function commandContract(start: () => Promise<DriverGround>, inTarget: Test): void {
  describe('command', () => {
    let user: DriverUser
    before(async () => {
      user = new DriverUser(await start())
      await user.start()
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    const shell = async (script: string) => await resultOf(await user.runCommand(['/bin/sh', '-c', script]))
    const exit = (exitCode: number) => ({ kind: 'exit', exitCode })
    const gone = ({ sessionId }: Pick<DebugContainer, 'sessionId'>) =>
      eventually(async () => (await user.ground.remains(sessionId)).length === 0, {
        what: 'nothing to remain of the command',
        timeoutMs: 15_000,
      })

    it('tells its two streams apart, and its exit code', async () => {
      assert.deepEqual(await shell('echo one; echo two >&2; echo three; exit 3'), {
        stdout: 'one\nthree\n',
        stderr: 'two\n',
        end: exit(3),
      })
    })

    it('gets its arguments as they are', async () => {
      const opened = await user.runCommand([
        '/bin/printf',
        '[%s]',
        'a b',
        '$HOME',
        '$(HOME)',
        '$$',
        "it's",
        '',
      ])
      assert.deepEqual(await resultOf(opened), {
        stdout: "[a b][$HOME][$(HOME)][$$][it's][]",
        stderr: '',
        end: exit(0),
      })
    })

    inTarget(
      "runs as the target does, among the target's processes and network, with its files one word away",
      async () => {
        const { stdout, stderr } = await shell(
          'id -u; id -g; pwd; cat $TARGET/www/hello.txt; wget -qO- http://127.0.0.1:8080/hello.txt; ps | grep -c "[h]ttpd -f"',
        )
        assert.equal(stderr, '')
        const hello = 'hello from the target'
        assert.deepEqual(stdout.trim().split('\n'), ['65532', '65532', '/tmp', hello, hello, '1'])
      },
    )

    inTarget('begins in the directory that it is given, and not at all where there is none', async () => {
      const pwd = async (cwd: string) =>
        await resultOf(await user.runCommand(['/bin/sh', '-c', 'pwd; ls'], { cwd }))
      const below = await pwd('$TARGET/www')
      assert.deepEqual([below.stdout, below.end], ['/proc/1/root/www\nhello.txt\n', exit(0)])
      assert.match((await pwd('/proc/self')).stdout, /^\/proc\/self\n/)
      const missing = await pwd('$TARGET/no/such')
      assert.deepEqual([missing.stdout, missing.end], ['', exit(125)])
      assert.match(missing.stderr, /directory \/proc\/1\/root\/no\/such cannot be entered/)
    })

    it('has no terminal and an empty input', async () => {
      const { stdout, end } = await shell('for fd in 0 1 2; do test -t $fd && echo "tty $fd"; done; wc -c')
      assert.deepEqual({ stdout: stdout.trim(), end }, { stdout: '0', end: exit(0) })
    })

    for (const [script, code] of [
      ['true', 0],
      ['false', 1],
      ['exit 96', 96],
      ['kill -9 $$', 137],
    ] as const) {
      it(`gives exit code ${code} of ${JSON.stringify(script)}`, async () => {
        assert.deepEqual((await shell(script)).end, exit(code))
      })
    }

    it('says that a program does not exist, or is none', async () => {
      const missing = await resultOf(await user.runCommand(['/no/such/program']))
      assert.deepEqual(missing.end, exit(127))
      assert.match(missing.stderr, /not found/)
      const directory = await resultOf(await user.runCommand(['/proc']))
      assert.deepEqual(directory.end, exit(126))
    })

    it('loses nothing of commands that end at once', async () => {
      // Ten after each other in each of five targets: a backend may start one after the other in a target.
      const run = async (target: Target, name: string) => {
        const argv = ['/bin/sh', '-c', `printf 'out ${name}'; printf 'err ${name}' >&2`]
        const expected = { stdout: `out ${name}`, stderr: `err ${name}`, end: exit(0) }
        assert.deepEqual(await resultOf(await user.runCommand(argv, { target })), expected)
      }
      const others = await Promise.all(Array.from({ length: 4 }, () => user.anotherWeb()))
      for (let round = 0; round < 10; round += 1) {
        await Promise.all([user.web, ...others].map((target, place) => run(target, `${round} ${place}`)))
        await user.stopAll()
      }
    })

    it('delivers 5 MB on both streams as they were written', async () => {
      const lines = 400_000
      const { stdout, stderr, end } = await shell(`seq 1 ${lines} & seq 1 ${lines} >&2; wait`)
      const expected = Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join('')
      assert.ok(stdout === expected, `stdout: ${stdout.length} of ${expected.length} bytes, or others`)
      assert.ok(stderr === expected, `stderr: ${stderr.length} of ${expected.length} bytes, or others`)
      assert.deepEqual(end, exit(0))
    })

    it('passes each of the 256 byte values on', async () => {
      const { stdout } = await shell(
        `i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i+1)); done`,
      )
      const all = Array.from({ length: 256 }, (_, byte) => byte)
      assert.deepEqual([...Buffer.from(stdout, 'latin1')], all)
    })

    it('holds up a command whose output nobody reads', async () => {
      const opened = await user.runCommand(['/bin/sh', '-c', `echo $$; exec tr '\\0' y </dev/zero`])
      const { collected } = opened
      await eventually(() => collected.stdout.includes('\ny'), { what: 'the first of its output' })
      opened.command.output.pause()
      const read = collected.stdout.length
      const [, writer = ''] = /^(\d+)\n/.exec(collected.stdout) ?? []
      const { shell: watcher } = await user.open()
      let last = -1
      await eventually(
        async () => {
          const now = Number(await watcher.run(`sed -n 's/^wchar: //p' /proc/${writer}/io`))
          const stalled = now === last
          last = now
          return stalled
        },
        { what: 'the program to stop writing', timeoutMs: 60_000 },
      )
      opened.command.output.resume()
      assert.ok(last - read < user.ground.onTheWay, `${last - read} bytes were written though nobody reads`)
    })

    it('leaves nothing behind when it ends, not even what it has started', async () => {
      const opened = await user.runCommand(['/bin/sh', '-c', 'setsid sleep 600 </dev/null & echo begun'])
      assert.deepEqual(await resultOf(opened), { stdout: 'begun\n', stderr: '', end: exit(0) })
      await gone(opened.container)
    })

    it('ends when it is stopped, whatever it ignores', async () => {
      const opened = await user.runCommand([
        '/bin/sh',
        '-c',
        "trap '' HUP INT TERM QUIT; echo ready; sleep 600",
      ])
      await eventually(() => opened.collected.stdout === 'ready\n')
      await user.driver.stop(opened.container, deadline())
      await gone(opened.container)
      await resultOf(opened)
    })

    it('is stopped also by a process that does not read it', async () => {
      const opened = await user.runCommand(['/bin/sh', '-c', 'echo ready; sleep 600'])
      await eventually(() => opened.collected.stdout === 'ready\n')
      opened.command.detach()
      await resultOf(opened)
      const other = await user.ground.connect(user.installation)
      await other.stop(opened.container, deadline())
      other.close()
      await gone(opened.container)
    })

    it('kills itself at its deadline', async () => {
      const opened = await user.runCommand(['/bin/sh', '-c', "trap '' HUP INT TERM QUIT; sleep 600"], {
        maxDurationMs: 3000,
      })
      assert.deepEqual((await resultOf(opened, 15_000)).end, exit(137))
      await gone(opened.container)
    })

    it("ends with the target, and tells the target's exit code", async () => {
      const mortal = await user.ground.startMortal()
      const target = await user.access.find(mortal.ref, {}, deadline())
      const opened = await user.runCommand(['/bin/sh', '-c', 'echo ready; sleep 600'], { target })
      await eventually(() => opened.collected.stdout === 'ready\n')
      await mortal.end()
      const { end } = await resultOf(opened, 20_000)
      assert.equal(end.kind, 'target-exited')
      assert.match('detail' in end ? end.detail : '', /\b7\b/)
    })

    for (const phase of ['resolving', 'creating', 'attaching'] satisfies StartPhase[]) {
      it(`leaves nothing behind when it is aborted while ${phase}`, async () => {
        const controller = new AbortController()
        const spec = user.spec({ command: ['sleep', '600'] })
        const onProgress = (progress: { phase: StartPhase }) => {
          if (progress.phase === phase) controller.abort()
        }
        await assert.rejects(user.access.run(spec, user.web, onProgress, controller.signal), {
          code: 'cancelled',
        })
        await gone(spec)
      })
    }

    it('runs beside others', async () => {
      const results = await Promise.all(
        ['a', 'b', 'c', 'd'].map(
          async (letter) => await shell(`printf ${letter}; sleep 0.2; printf ${letter}`),
        ),
      )
      assert.deepEqual(
        results.map(({ stdout }) => stdout),
        ['aa', 'bb', 'cc', 'dd'],
      )
    })
  })
}
