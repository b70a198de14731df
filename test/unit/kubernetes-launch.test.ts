import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import {
  endingSize,
  kubernetesLauncher,
  withoutExpansion,
} from '../../server/drivers/kubernetes/debug/launch.ts'
import { launcherExits } from '../../server/drivers/shared/launch-place.ts'
import { underShell } from '../support/under-shell.ts'
import { eventually } from '../support/eventually.ts'

const run = promisify(execFile)
const launch = {
  deadlineSeconds: 30,
  claimSeconds: 30,
  unseen: 'unseen',
  unshared: 'unshared',
  argv: ['/bin/sh', '-c', 'echo begun; stty size; exec sleep 25'],
}

/** A launcher on a tty that has no size yet, as a container's has none before somebody attaches. */
class Launched {
  readonly #script: ChildProcess
  readonly #directory: string
  readonly #exit: Promise<unknown[]>
  output = ''

  constructor(script: ChildProcess, directory: string) {
    this.#script = script
    this.#directory = directory
    this.#exit = once(script, 'exit')
    script.stdout?.on('data', (chunk: Buffer) => {
      this.output += chunk.toString()
    })
  }

  static async start(
    shell: readonly string[],
    change: Partial<typeof launch>,
    path?: string,
  ): Promise<Launched> {
    const directory = await mkdtemp(join(tmpdir(), 'hatchway-launch-'))
    const quoted = underShell(kubernetesLauncher({ ...launch, ...change }), shell)
      .map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
      .join(' ')
    const tools = path === undefined ? '' : `PATH=${path}; export PATH; `
    await writeFile(
      join(directory, 'start'),
      `tty >${directory}/tty; echo $$ >${directory}/pid; ${tools}exec ${quoted}`,
    )
    const script = spawn('script', ['-qfec', `exec /bin/sh ${directory}/start`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    return new Launched(script, directory)
  }

  async resize(cols: number, rows: number): Promise<void> {
    const tty = (await this.#said('tty')).trim()
    // Both at once (TIOCSWINSZ), as a runtime does it; stty sets one after the other.
    await run('perl', [
      '-e',
      `open(T, "<", "${tty}"); my $s = pack("S4", ${rows}, ${cols}, 0, 0); ioctl(T, 0x5414, $s) or die`,
    ])
  }

  async pid(): Promise<number> {
    return Number(await this.#said('pid'))
  }

  async shows(pattern: RegExp): Promise<void> {
    await eventually(() => assert.match(this.output, pattern))
  }

  /** The exit code; 128 and the signal's number for one that was killed. */
  async exitCode(): Promise<number> {
    const [code] = await this.#exit
    return Number(code)
  }

  async close(): Promise<void> {
    this.#script.stdin?.end()
    const pid = await this.pid()
    if (this.#script.exitCode === null) {
      process.kill(pid, 'SIGKILL')
      await this.#exit
    }
    await rm(this.#directory, { recursive: true })
  }

  async #said(name: string): Promise<string> {
    return await eventually(async () => (await readFile(join(this.#directory, name), 'utf8')) || false, {
      what: name,
    })
  }
}

async function nameOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8')).trim()
}

describe('launcher of an ephemeral container', () => {
  const started: Launched[] = []
  after(() => Promise.all(started.map((each) => each.close())))

  it('passes everything that varies as arguments, never as shell text', () => {
    const plain = kubernetesLauncher(launch)
    const argv = ["it's", '$(id)', '`id`', '', '-x']
    const hostile = kubernetesLauncher({
      ...launch,
      searchFor: '$(id)',
      unseen: '"; id; "',
      unshared: '`id`',
      cwd: '`id`',
      argv,
    })
    // The scripts and the guards are the same whatever is asked.
    assert.deepEqual(hostile.slice(0, 12), plain.slice(0, 12))
    assert.deepEqual(hostile.slice(12, 17), ['$(id)', '"; id; "', '`id`', '', '`id`'])
    assert.deepEqual(hostile.slice(17), argv)
  })

  it('keeps what it says on one line', () => {
    assert.equal(kubernetesLauncher({ ...launch, unseen: 'a\nb\u001b[2J' })[13], 'a b [2J')
  })

  it('hides from the kubelet what it would expand', () => {
    assert.equal(withoutExpansion('$$ $(HOME) $x'), '$$$$ $$(HOME) $$x')
  })

  it('says which tool is missing', async () => {
    const launched = await Launched.start(['/bin/dash'], {}, '/nonexistent')
    started.push(launched)
    assert.equal(await launched.exitCode(), launcherExits.missingTool)
    assert.match(launched.output, /has no sleep/)
  })

  for (const shell of [['/bin/dash'], ['/bin/bash'], ['/bin/busybox', 'sh']]) {
    describe(shell.join(' '), { concurrency: true }, () => {
      const start = async (change: Partial<typeof launch> = {}) => {
        const launched = await Launched.start(shell, change)
        started.push(launched)
        return launched
      }

      it('waits for its size, and shows nothing before', async () => {
        const launched = await start()
        // The guard is there by now, and waits.
        await eventually(async () => (await nameOf(await launched.pid())) === 'hatchway')
        assert.equal(launched.output, '')
        await launched.resize(97, 31)
        await launched.shows(/begun\r\n31 97\r\n$/)
      })

      it('ends itself when nobody claims it', async () => {
        const launched = await start({ claimSeconds: 1 })
        assert.equal(await launched.exitCode(), launcherExits.unclaimed)
        assert.doesNotMatch(launched.output, /begun/)
      })

      it('never begins when the first size is the order to end', async () => {
        const launched = await start()
        await launched.resize(endingSize.cols, endingSize.rows)
        assert.equal(await launched.exitCode(), launcherExits.ordered)
        assert.doesNotMatch(launched.output, /begun/)
      })

      it('ends a shell that ignores every polite signal when it is ordered to', async () => {
        const argv = [
          '/bin/sh',
          '-c',
          "trap '' HUP INT QUIT TERM WINCH; echo begun; while :; do sleep 1; done",
        ]
        const launched = await start({ argv })
        await launched.resize(80, 24)
        await launched.shows(/begun/)
        await launched.resize(endingSize.cols, endingSize.rows)
        assert.equal(await launched.exitCode(), 128 + 9)
      })

      it('ends the shell at its deadline', async () => {
        // Long enough for the shell to begin on a busy machine.
        const launched = await start({ deadlineSeconds: 4 })
        await launched.resize(80, 24)
        await launched.shows(/begun/)
        assert.equal(await launched.exitCode(), 128 + 9)
      })

      it('ends with the code of the shell, and leaves nothing behind that the shell has left', async () => {
        const argv = ['/bin/sh', '-c', '(sleep 24.3 & sleep 24.3 &); exit 3']
        const launched = await start({ argv })
        await launched.resize(80, 24)
        assert.equal(await launched.exitCode(), 3)
        assert.doesNotMatch((await run('ps', ['-eo', 'args'])).stdout, /^sleep 24\.3$/m)
      })
    })
  }
})
