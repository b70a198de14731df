import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { deadline, type DriverGround, type Test, DriverUser, endOf, resultOf } from './driver-ground.ts'

/** What a user of the prompt sees and can do. */
export function terminalContract(start: () => Promise<DriverGround>, inTarget: Test): void {
  describe('terminal', () => {
    let user: DriverUser
    before(async () => {
      user = new DriverUser(await start())
      await user.start()
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    inTarget('runs as the target does', async () => {
      const { shell, identity } = await user.open()
      assert.equal(await shell.run('echo $(id -u):$(id -g)'), '65532:65532')
      assert.deepEqual({ uid: identity.uid, gid: identity.gid }, { uid: 65532, gid: 65532 })
    })

    inTarget("sees the target's processes, files and network", async () => {
      const { shell, identity } = await user.open()
      assert.match(await shell.run('ps'), /\/httpd -f -p 8080/)
      assert.equal(identity.seesFiles, true)
      assert.equal(await shell.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
      assert.equal(await shell.run('wget -qO- http://127.0.0.1:8080/hello.txt'), 'hello from the target')
    })

    inTarget(
      "begins where getcwd works, with a home of its own and the target's files one word away",
      async () => {
        const { shell } = await user.open()
        await shell.expect(/The target's files: cd \$TARGET \(\/proc\/1\/root\)/)
        assert.equal(
          await shell.run('realpath . && echo "$HOME" && echo kept >note && cat note'),
          '/tmp\n/tmp\nkept',
        )
        assert.equal(await shell.run('cd $TARGET && cat www/hello.txt'), 'hello from the target')
      },
    )

    inTarget('shows one process of ours, which its user can neither look into nor outlive', async () => {
      const opened = await user.open()
      const { shell } = opened
      assert.equal(await shell.run("tr '\\0' ' ' </proc/$PPID/cmdline | xargs"), 'hatchway')
      assert.match(await shell.run('cat /proc/$PPID/environ 2>&1'), /Permission denied/)
      shell.type('kill -9 $PPID\n')
      assert.deepEqual(await endOf(opened), { kind: 'exit', exitCode: 137 })
      await eventually(async () => (await user.ground.remains(opened.container.sessionId)).length === 0)
    })

    inTarget(
      "leaves no zombie below the target's first process, not even of what its user has left behind",
      async () => {
        const orphans = '(sleep 0.1 &); (setsid sleep 600 </dev/null &)'
        const shell = await user.open()
        await shell.shell.run(orphans)
        shell.shell.type('exit\n')
        await endOf(shell)
        const stopped = await user.open()
        await stopped.shell.run(orphans)
        await user.driver.stop(stopped.container, deadline())
        await resultOf(await user.runCommand(['/bin/sh', '-c', `${orphans}; echo done`]))
        const witness = await user.open()
        const zombies = 'cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z "'
        await eventually(async () => assert.equal(await witness.shell.run(zombies), '0'))
      },
    )

    inTarget("leaves nothing in the target's own files", async () => {
      const { shell } = await user.open()
      assert.equal(
        await shell.run(
          'ls -a /proc/1/root | grep -vE "^(\\.|\\.\\.|dev|etc|proc|sys|\\.dockerenv)$" | sort | xargs',
        ),
        'httpd www',
      )
    })

    it('says where it starts, in order', async () => {
      const phases: string[] = []
      await user.open({ onProgress: ({ phase }) => phases.push(phase) })
      const order = ['resolving', 'pulling', 'creating', 'attaching']
      const seen = [...new Set(phases)]
      assert.deepEqual(
        seen,
        order.filter((phase) => seen.includes(phase)),
        'phases never go back',
      )
      assert.equal(seen.at(-1), 'attaching')
    })

    it('has its size before the first byte', async () => {
      const { shell } = await user.open({
        size: { cols: 97, rows: 31 },
        command: ['/bin/sh', '-c', 'stty size; exec cat'],
      })
      await shell.expect(/^31 97\r\n/)
    })

    it('resizes, and the program is told', async () => {
      const { shell, terminal } = await user.open()
      // In a shell of its own: at its prompt busybox keeps this signal to itself.
      shell.type(`sh -c "trap 'stty size; exit' WINCH; printf '<%s>' ready; while :; do sleep 0.05; done"\n`)
      await shell.expect(/<ready>/)
      await terminal.resize({ cols: 133, rows: 44 })
      await shell.expect(/44 133\r\n/)
      assert.equal(await shell.run('stty size'), '44 133')
    })

    it('refuses to resize what is gone', async () => {
      const opened = await user.open()
      opened.shell.type('exit\n')
      await endOf(opened)
      await assert.rejects(opened.terminal.resize({ cols: 80, rows: 24 }), { name: 'HatchwayError' })
    })

    it('sets a terminal type', async () => {
      const { shell } = await user.open()
      assert.match(await shell.run('echo $TERM'), /^xterm/)
    })

    it('runs a command in place of the shell, with its arguments as they are', async () => {
      const opened = await user.open({ command: ['/bin/printf', '[%s]', 'a b', '$HOME', "it's", ''] })
      await opened.shell.expect(/\[a b\]\[\$HOME\]\[it's\]\[\]/)
      assert.deepEqual(await endOf(opened), { kind: 'exit', exitCode: 0 })
    })

    it("gives the shell's exit code, after its last byte", async () => {
      const opened = await user.open()
      opened.shell.type('echo fare""well; exit 3\n')
      assert.deepEqual(await endOf(opened), { kind: 'exit', exitCode: 3 })
      assert.match(opened.shell.output, /farewell/)
    })

    it('does not blame the target when the shell is killed', async () => {
      const opened = await user.open()
      opened.shell.type('kill -9 $$\n')
      assert.deepEqual(await endOf(opened), { kind: 'exit', exitCode: 137 })
    })

    it('says that a command that does not exist could not be started', async () => {
      const opening = user.open({ command: ['/no/such/program'] }).then(async (opened) => endOf(opened))
      const how = await opening.catch((cause: unknown) => cause)
      if (how instanceof Error) assert.equal((how as { code?: string }).code, 'start_failed')
      else assert.deepEqual(how, { kind: 'exit', exitCode: 127 })
    })

    it('starts a session of its own for each open', async () => {
      const [one, two] = await Promise.all([user.open(), user.open()])
      assert.notEqual(one.container.id, two.container.id)
      await one.shell.run('export MINE=1')
      assert.equal(await two.shell.run('echo "[$MINE]"'), '[]')
    })

    it('tells which image it really runs', async () => {
      const { imageId } = await user.open()
      assert.match(await imageId, /sha256:[0-9a-f]{64}/)
    })
  })
}
