/** Real processes of this machine, in no namespace of their own: for the contract, which types at shells. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { Duplex, Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import type { CommandOutput } from '../../server/core/streams.ts'
import type { CommandProgram, Programs, TerminalProgram } from './program.ts'

const killed = 137

export const localPrograms: Programs = { terminal, command }

/** By their environment, as what a shell has started has it, too. */
export function processesOf(sessionId: string): number[] {
  const mark = `HATCHWAY_SESSION=${sessionId}`
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const isOurs = readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(mark)
      return isOurs ? [Number(name)] : []
    } catch {
      // It has ended meanwhile, or is another user's.
      return []
    }
  })
}

function killAll(sessionId: string): void {
  for (const pid of processesOf(sessionId)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}

function optionsOf({ sessionId }: DebugSpec) {
  const env = { ...process.env, SHELL: '/bin/sh', HATCHWAY_SESSION: sessionId, PS1: '$ ', ENV: '' }
  return { cwd: tmpdir(), env, detached: true }
}

/** `script` of util-linux gives a pty, and its exit code is the program's. */
async function terminal(spec: DebugSpec): Promise<TerminalProgram> {
  const { cols, rows } = spec.size
  const argv = (spec.command ?? spec.toolbox.shell).map(quote).join(' ')
  // The name of its tty comes first and apart from what it shows.
  const begin = `stty rows ${rows} cols ${cols}; tty >&3; exec 3>&-; TERM=xterm-256color exec ${argv}`
  const child = spawn('script', ['-qefc', begin, '/dev/null'], {
    ...optionsOf(spec),
    stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
  })
  // A line: `script` itself keeps the pipe open.
  const [told] = (await once(child.stdio[3] as Readable, 'data')) as [Buffer]
  const tty = told.toString().trim()
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('script has no streams')
  stdin.on('error', () => {})
  return {
    io: Duplex.from({ readable: stdout, writable: stdin }),
    resize: async (size) => {
      await promisify(execFile)('stty', ['-F', tty, 'rows', `${size.rows}`, 'cols', `${size.cols}`])
    },
    ...lifeOf(child, spec),
  }
}

async function command(spec: DebugSpec): Promise<CommandProgram> {
  const argv = ['-c', 'exec "$@"', 'hatchway', ...(spec.command ?? [])]
  const child = spawn('/bin/sh', argv, { ...optionsOf(spec), stdio: ['ignore', 'pipe', 'pipe'] })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('the command has no streams')
  const output = new Readable({
    objectMode: true,
    highWaterMark: 8,
    read() {
      stdout.resume()
      stderr.resume()
    },
  })
  const streams = [
    ['stdout', stdout],
    ['stderr', stderr],
  ] as const
  for (const [stream, readable] of streams) {
    readable.on('data', (bytes: Buffer) => {
      if (output.push({ stream, bytes } satisfies CommandOutput)) return
      stdout.pause()
      stderr.pause()
    })
  }
  void Promise.all([once(stdout, 'end'), once(stderr, 'end')]).then(() => output.push(null))
  return { output, ...lifeOf(child, spec) }
}

/** What it has started ends with it. */
function lifeOf(child: ChildProcess, { sessionId }: DebugSpec): Pick<TerminalProgram, 'exited' | 'kill'> {
  const { promise: exited, resolve } = Promise.withResolvers<number>()
  child.once('exit', (code) => {
    killAll(sessionId)
    resolve(code ?? killed)
  })
  return { exited, kill: () => killAll(sessionId) }
}

function quote(argument: string): string {
  return `'${argument.replaceAll("'", String.raw`'\''`)}'`
}
