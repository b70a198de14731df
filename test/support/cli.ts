import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

const main = fileURLToPath(new URL('../../server/main.ts', import.meta.url))

export interface CliEnd {
  code: number | null
  out: string
  err: string
}

/** `hatchway …` as a process of its own. */
export class CliProcess {
  readonly child: ChildProcess
  readonly ended: Promise<CliEnd>
  #out = ''
  #err = ''

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env
    this.child = spawn(process.execPath, [main, ...args], {
      env: { PATH, HOME, NODE_COMPILE_CACHE, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.on('data', (chunk: Buffer) => (this.#out += chunk.toString()))
    this.child.stderr?.on('data', (chunk: Buffer) => (this.#err += chunk.toString()))
    this.ended = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      out: this.#out,
      err: this.#err,
    }))
  }

  /** Waits for this on standard error. */
  async sees(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(() => pattern.exec(this.#err) ?? false, {
      timeoutMs: 20_000,
      what: `${pattern} in ${JSON.stringify(this.#err)}`,
    })
  }
}
