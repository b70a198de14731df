import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { guardFormat, guardMachine, packedGuards } from '../../server/drivers/shared/guard-script.ts'
import { builtGuard, sourceHash } from '../../server/drivers/shared/guard/built-guard.ts'
import { eventually } from '../support/eventually.ts'
import { within } from '../support/within.ts'

const run = promisify(execFile)
const machine = guardMachine(process.arch === 'x64' ? 'amd64' : process.arch)

/** `state` and `parent` of a process; undefined when there is none. */
async function statOf(pid: number): Promise<{ state: string; parent: number } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  const [state = '', parent] = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? []
  return text === undefined ? undefined : { state, parent: Number(parent) }
}

describe('guard of a debug container', { concurrency: true }, () => {
  let directory = ''
  let copies = 0
  const started: ChildProcess[] = []

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-guard-'))
  })
  after(async () => {
    for (const process of started) process.kill('SIGKILL')
    await rm(directory, { recursive: true })
  })

  /** Starts it as a launcher does: a file of its own, which it removes. */
  async function start(script: string, orders = ['30', '0', '0', '0']) {
    assert.ok(machine !== undefined)
    const path = join(directory, String((copies += 1)))
    await promisify(execFile)('/bin/sh', [
      '-c',
      'printf "$1" >"$2" && chmod 700 "$2"',
      'x',
      guardFormat(machine),
      path,
    ])
    const guard = spawn(path, [...orders, '/bin/sh', '-c', script], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    })
    started.push(guard)
    const said = { text: '' }
    guard.stdout.on('data', (chunk: Buffer) => (said.text += chunk.toString()))
    const ended = within(once(guard, 'exit'), 'the guard to end', 30_000).then(
      ([code, signal]) => code ?? signal,
    )
    const line = async () =>
      await eventually(() => /^(.*)\n/.exec(said.text)?.[1] ?? false, { what: 'a line of the program' })
    return { guard, path, ended, line }
  }

  it('was made of the source beside it', async () => {
    const built = await readFile(builtGuard.stamp, 'utf8')
    assert.equal(built, sourceHash(), 'guard.c has changed: run `npm run guard`')
  })

  it('is the same bytes by printf, in every shell, and unpacked', async () => {
    const packed = packedGuards[machine === 'aarch64' ? 1 : 0] ?? ''
    const bytes = gunzipSync(Buffer.from(packed, 'base64'))
    for (const [program, ...first] of [['/bin/dash'], ['/bin/bash'], ['/bin/busybox', 'sh']] as const) {
      const words = [...first, '-c', 'printf "$1"', 'x', guardFormat(machine ?? 'x86_64')]
      const { stdout } = await run(program, words, { encoding: 'buffer' })
      assert.ok(stdout.equals(bytes), program)
    }
  })

  it('does nothing, and ends well, when it is only asked whether it runs', async () => {
    assert.ok(machine !== undefined)
    const path = join(directory, 'asked')
    await writeFile(
      path,
      gunzipSync(Buffer.from(packedGuards[machine === 'aarch64' ? 1 : 0] ?? '', 'base64')),
      {
        mode: 0o700,
      },
    )
    await run(path)
    await readFile(path)
  })

  it('ends with the code of the program, and with 128 and the number of its signal', async () => {
    assert.equal(await (await start('exit 7')).ended, 7)
    assert.equal(await (await start('kill -TERM $$')).ended, 128 + 15)
  })

  it('removes its file and is called by its name alone', async () => {
    const { guard, path } = await start('exec sleep 20')
    await eventually(async () => {
      const text = await readFile(`/proc/${guard.pid}/cmdline`, 'utf8')
      assert.equal(text.replace(/\0+$/, ''), 'hatchway')
      assert.equal(await readFile(`/proc/${guard.pid}/comm`, 'utf8'), 'hatchway\n')
    })
    await assert.rejects(readFile(path), { code: 'ENOENT' })
  })

  it('reaps what its program orphans, while the program goes on', async () => {
    const { guard, line } = await start('(sleep 0.1 & echo $!); exec sleep 20')
    const orphan = Number(await line())
    await eventually(async () => (await statOf(orphan)) === undefined, { what: 'the orphan to be reaped' })
    assert.equal(guard.exitCode, null)
  })

  it('ends and reaps all that is left when the program ends', async () => {
    const { ended, line } = await start('(setsid sleep 20.7 & echo $!); exit 4')
    assert.equal(await ended, 4)
    assert.equal(await statOf(Number(await line())), undefined)
  })

  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    it(`ends a program that ignores every polite signal, and what is below it, on ${signal}`, async () => {
      const { guard, ended, line } = await start("trap '' HUP INT TERM; setsid sleep 20.8 & echo $!; wait")
      const below = Number(await line())
      guard.kill(signal)
      assert.equal(await ended, 137)
      assert.equal(await statOf(below), undefined)
    })
  }

  it('leaves to the program what comes from the keyboard', async () => {
    const { guard, ended, line } = await start('echo begun; read -r word; exit 5')
    await line()
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGTSTP', 'SIGWINCH'] as const) guard.kill(signal)
    guard.stdin.end('word\n')
    assert.equal(await ended, 5)
  })

  it('holds the output open until it ends: its end would be taken for the end of the container', async () => {
    const closed = join(directory, 'closed')
    const { guard, ended } = await start(`exec >&- 2>&-; echo >${closed}; read -r word; exit 8`)
    await eventually(async () => (await readFile(closed, 'utf8')) !== '')
    assert.equal(guard.stdout.readableEnded, false)
    guard.stdin.end('word\n')
    assert.equal(await ended, 8)
  })

  it('lets a program go on that was stopped: nobody else could', async () => {
    const { ended } = await start('kill -STOP $$; exit 6')
    assert.equal(await ended, 6)
  })

  it('takes the program with it when it is killed', async () => {
    const { guard, line } = await start('echo $$; exec sleep 20')
    const program = Number(await line())
    guard.kill('SIGKILL')
    // Its new parent may reap it or not.
    await eventually(async () => ['Z', undefined].includes((await statOf(program))?.state))
  })

  it('ends at its deadline', async () => {
    assert.equal(await (await start('exec sleep 20', ['1', '0', '0', '0'])).ended, 137)
  })

  it('is killed by the kernel when it is stopped and so could not obey', async () => {
    const { guard, ended, line } = await start('echo begun; exec sleep 20', ['30', '1', '0', '0'])
    await line()
    guard.kill('SIGSTOP')
    assert.equal(await ended, 'SIGKILL')
  })

  it('is killed by the kernel when it is stopped at its deadline', async () => {
    // Long enough to be stopped before, on a busy machine.
    const { guard, ended, line } = await start('echo begun; exec sleep 40', ['4', '0', '0', '0'])
    await line()
    guard.kill('SIGSTOP')
    assert.equal(await ended, 'SIGKILL')
  })
})
