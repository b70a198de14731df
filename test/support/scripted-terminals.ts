import { Duplex, Readable } from 'node:stream'
import { commandOutput, terminalIo } from '../../server/drivers/shared/streams.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import type { Opened, TargetAccess, TargetDriver } from '../../server/core/driver.ts'
import type {
  CommandStream,
  StreamEnd,
  TerminalIo,
  TerminalSize,
  TerminalStream,
} from '../../server/core/streams.ts'
import type { Target } from '../../server/core/target.ts'
import { ScriptedDriver } from './http-doubles.ts'

/** A tty in memory: what is typed is kept, what it prints the test says. */
export class ScriptedTerminal implements TerminalStream {
  readonly kind = 'terminal'
  readonly duplex: Duplex
  readonly io: TerminalIo
  readonly ended: Promise<StreamEnd>
  readonly typed: string[] = []
  readonly sizes: TerminalSize[] = []
  /** The program reads its input. */
  reads = true
  readonly #end = Promise.withResolvers<StreamEnd>()

  constructor() {
    this.ended = this.#end.promise
    this.duplex = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.typed.push(chunk.toString())
        if (this.reads) done()
      },
    })
    this.io = terminalIo(this.duplex)
  }

  print(text: string): void {
    this.duplex.push(text)
  }

  end(end: StreamEnd): void {
    this.#end.resolve(end)
  }

  resize(size: TerminalSize): Promise<void> {
    this.sizes.push(size)
    return Promise.resolve()
  }

  detach(): void {
    this.duplex.destroy()
  }
}

/** An environment whose debug containers are terminals in memory. */
export class TerminalsDriver extends ScriptedDriver {
  /** By session. What is in it runs. */
  readonly running = new Map<string, ScriptedTerminal>()
  readonly opened: DebugSpec[] = []

  override open: TargetAccess['open'] = async (spec, target, _onProgress, _signal, mayBegin) => {
    await mayBegin
    const terminal = this.#start(spec)
    return await this.#opened(spec, target, terminal)
  }

  override run: TargetAccess['run'] = async (spec, target, _onProgress, _signal, mayBegin) => {
    await mayBegin
    this.#start(spec).detach()
    const output = Readable.from([{ stream: 'stdout', bytes: Buffer.from('done\n') }])
    const ended = Promise.resolve<StreamEnd>({ kind: 'exit', exitCode: 0 })
    const detach = () => void output.destroy()
    return await this.#opened(spec, target, {
      kind: 'command' as const,
      output: commandOutput(output),
      ended,
      detach,
    })
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

  async #opened<Stream extends TerminalStream | CommandStream>(
    { sessionId }: DebugSpec,
    target: Target,
    stream: Stream,
  ): Promise<Opened<Stream>> {
    return {
      stream,
      container: { environment: this.environment, id: `debug-${sessionId}`, sessionId, targetId: target.id },
      identity: await this.identify(target, 'auto'),
      imageId: Promise.resolve('sha256:scripted'),
      notices: [],
    }
  }
}
