import { Duplex, Readable } from 'node:stream'
import type {
  DebugContainer,
  DebugSpec,
  Opened,
  OpenedCommand,
  OpenedTerminal,
  Target,
  Terminal,
  TerminalEnd,
} from '../../server/core/target.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import { ScriptedDriver } from './http-doubles.ts'

/** A tty in memory: what is typed is kept, what it prints the test says. */
export class ScriptedTerminal implements Terminal {
  readonly io: Duplex
  readonly ended: Promise<TerminalEnd>
  readonly typed: string[] = []
  readonly #end = Promise.withResolvers<TerminalEnd>()

  constructor() {
    this.ended = this.#end.promise
    this.io = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.typed.push(chunk.toString())
        done()
      },
    })
  }

  print(text: string): void {
    this.io.push(text)
  }

  end(end: TerminalEnd): void {
    this.#end.resolve(end)
  }

  resize(): Promise<void> {
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

  override open(spec?: DebugSpec, target?: Target): Promise<never> {
    return this.#open(spec, target) as Promise<never>
  }

  override run(spec?: DebugSpec, target?: Target): Promise<never> {
    const opened = this.#open(spec, target).then(({ terminal, ...rest }): OpenedCommand => {
      terminal.io.destroy()
      const output = Readable.from([{ stream: 'stdout', bytes: Buffer.from('done\n') }])
      const ended = Promise.resolve<TerminalEnd>({ kind: 'exit', exitCode: 0 })
      return { ...rest, command: { output, ended, detach: () => output.destroy() } }
    })
    return opened as Promise<never>
  }

  override async reattach(container?: DebugContainer): Promise<never> {
    const id = container?.sessionId ?? ''
    if (!this.running.has(id)) throw new HatchwayError('session_ended', 'The debug container is gone.')
    const terminal = new ScriptedTerminal()
    this.running.set(id, terminal)
    return terminal as never
  }

  override async stop(container?: DebugContainer): Promise<void> {
    const id = container?.sessionId ?? ''
    this.running.get(id)?.end({ kind: 'exit', exitCode: 137 })
    this.running.delete(id)
  }

  async #open(spec?: DebugSpec, target?: Target): Promise<OpenedTerminal & Opened> {
    if (spec === undefined || target === undefined) throw new Error('nothing to open')
    this.opened.push(spec)
    const terminal = new ScriptedTerminal()
    this.running.set(spec.sessionId, terminal)
    const { sessionId } = spec
    return {
      container: { environment: this.environment, id: `debug-${sessionId}`, sessionId, targetId: target.id },
      terminal,
      identity: await this.identify(target, 'auto'),
      imageId: Promise.resolve('sha256:scripted'),
      notices: [],
    }
  }
}
