import { Duplex, Readable } from 'node:stream'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import type { CommandOutput, TerminalSize } from '../../server/core/streams.ts'
import type { CommandProgram, Programs, TerminalProgram } from './program.ts'

const killed = 137

interface Script {
  /** What it shows first. */
  prompt?: string
  /** It shows what is typed. */
  echoes?: boolean
}

/** A program at a tty that a test plays: it keeps what is typed, and what it shows the test says. */
export class ScriptedProgram implements TerminalProgram {
  readonly io: Duplex
  readonly exited: Promise<number>
  readonly typed: string[] = []
  readonly sizes: TerminalSize[] = []
  readonly #exit = Promise.withResolvers<number>()
  #reads = true
  #unread: (() => void) | undefined

  constructor({ prompt, echoes = false }: Script = {}) {
    this.exited = this.#exit.promise
    this.io = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.typed.push(chunk.toString())
        if (echoes) this.print(chunk)
        if (this.#reads) done()
        else this.#unread = done
      },
    })
    if (prompt !== undefined) this.print(prompt)
  }

  print(output: string | Uint8Array): void {
    if (!this.io.readableEnded && !this.io.destroyed) this.io.push(output)
  }

  /** Whether it reads what is typed. What comes while it doesn't waits. */
  set reads(reads: boolean) {
    this.#reads = reads
    if (!reads) return
    this.#unread?.()
    this.#unread = undefined
  }

  resize(size: TerminalSize): Promise<void> {
    this.sizes.push(size)
    return Promise.resolve()
  }

  /** It ends by itself, after what it has shown. */
  exit(exitCode: number): void {
    this.#exit.resolve(exitCode)
    this.io.once('end', () => this.io.destroy())
    this.io.push(null)
  }

  kill(): void {
    this.io.destroy()
    this.#exit.resolve(killed)
  }
}

/** Programs that a test plays; a command says `done` and ends. */
export class ScriptedPrograms implements Programs<ScriptedProgram> {
  /** By session: each that was started. */
  readonly started = new Map<string, ScriptedProgram>()
  readonly #script: Script

  constructor(script: Script = {}) {
    this.#script = script
  }

  async terminal({ sessionId }: DebugSpec): Promise<ScriptedProgram> {
    const program = new ScriptedProgram(this.#script)
    this.started.set(sessionId, program)
    return program
  }

  async command(): Promise<CommandProgram> {
    const output = Readable.from([{ stream: 'stdout', bytes: Buffer.from('done\n') } satisfies CommandOutput])
    return { output, exited: Promise.resolve(0), kill: () => void output.destroy() }
  }
}
