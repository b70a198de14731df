import { Duplex, Readable } from 'node:stream'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import type { Opened, TargetAccess, TargetDriver } from '../../server/core/driver.ts'
import type { Terminal, TerminalEnd, TerminalSize } from '../../server/core/streams.ts'
import type { Target } from '../../server/core/target.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import { ScriptedDriver } from './http-doubles.ts'

/** A tty in memory: what is typed is kept, what it prints the test says. */
export class ScriptedTerminal implements Terminal {
  readonly io: Duplex
  readonly ended: Promise<TerminalEnd>
  readonly typed: string[] = []
  readonly sizes: TerminalSize[] = []
  /** The program reads its input. */
  reads = true
  readonly #end = Promise.withResolvers<TerminalEnd>()

  constructor() {
    this.ended = this.#end.promise
    this.io = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.typed.push(chunk.toString())
        if (this.reads) done()
      },
    })
  }

  print(text: string): void {
    this.io.push(text)
  }

  end(end: TerminalEnd): void {
    this.#end.resolve(end)
  }

  resize(size: TerminalSize): Promise<void> {
    this.sizes.push(size)
    return Promise.resolve()
  }

  detach(): void {
    this.io.destroy()
  }
}

/** An environment whose debug containers are terminals in memory. */
export class TerminalsDriver extends ScriptedDriver {
  /** By session. What is in it runs. */
  readonly running = new Map<string, ScriptedTerminal>()
  readonly opened: DebugSpec[] = []

  override open: TargetAccess['open'] = async (spec, target) => {
    const terminal = this.#start(spec)
    return { ...(await this.#opened(spec, target)), terminal }
  }

  override run: TargetAccess['run'] = async (spec, target) => {
    this.#start(spec).detach()
    const output = Readable.from([{ stream: 'stdout', bytes: Buffer.from('done\n') }])
    const ended = Promise.resolve<TerminalEnd>({ kind: 'exit', exitCode: 0 })
    return {
      ...(await this.#opened(spec, target)),
      command: { output, ended, detach: () => output.destroy() },
    }
  }

  override reattach: TargetAccess['reattach'] = async ({ sessionId }) => {
    if (!this.running.has(sessionId)) throw new HatchwayError('session_ended', 'The debug container is gone.')
    const terminal = new ScriptedTerminal()
    this.running.set(sessionId, terminal)
    return terminal
  }

  override stop: TargetDriver['stop'] = async ({ sessionId }) => {
    this.running.get(sessionId)?.end({ kind: 'exit', exitCode: 137 })
    this.running.delete(sessionId)
  }

  #start(spec: DebugSpec): ScriptedTerminal {
    this.opened.push(spec)
    const terminal = new ScriptedTerminal()
    this.running.set(spec.sessionId, terminal)
    return terminal
  }

  async #opened({ sessionId }: DebugSpec, target: Target): Promise<Opened> {
    return {
      container: { environment: this.environment, id: `debug-${sessionId}`, sessionId, targetId: target.id },
      identity: await this.identify(target, 'auto'),
      imageId: Promise.resolve('sha256:scripted'),
      notices: [],
    }
  }
}
