import { Duplex, Readable } from 'node:stream'
import { commandOutput, terminalIo } from '../../server/drivers/shared/streams.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import type { DriverCapabilities, Opened, TargetAccess, TargetDriver } from '../../server/core/driver.ts'
import type {
  CommandStream,
  StreamEnd,
  TerminalIo,
  TerminalSize,
  TerminalStream,
} from '../../server/core/streams.ts'
import type { Target } from '../../server/core/target.ts'
import { describeMemoryTarget, findTarget } from '../drivers/memory-targets.ts'
import type { Identity } from '../../server/core/identity.ts'
import type { TargetRef } from '../../server/core/target-ref.ts'
import type { Profile } from '../../server/core/vocabulary.ts'

/** Targets by name; what it does is set by the test. */
export class ScriptedDriver implements TargetDriver, TargetAccess {
  readonly kind: TargetRef['kind']
  readonly capabilities: DriverCapabilities
  readonly environment: string
  targets: readonly Target[]
  /** What it says of itself as a whole. */
  said: string[] = []
  /** When set, every call fails with it. */
  failure: Error | undefined
  /** When true, no call is ever answered. */
  hangs = false

  constructor(environment: string, names: readonly string[], kind: TargetRef['kind'] = 'docker') {
    this.environment = environment
    this.kind = kind
    this.capabilities = { copies: kind === 'kubernetes' }
    this.targets = names.map((name, index) => describeMemoryTarget(environment, name, index))
  }

  problems(): string[] {
    return this.said
  }

  as(): TargetAccess {
    return this
  }

  async #answer<T>(value: () => T): Promise<T> {
    if (this.hangs) return await new Promise<never>(() => {})
    if (this.failure !== undefined) throw this.failure
    return value()
  }

  check(): Promise<void> {
    return this.#answer(() => undefined)
  }

  list(): Promise<readonly Target[]> {
    return this.#answer(() => this.targets)
  }

  find(ref: TargetRef): Promise<Target> {
    return this.#answer(() => findTarget(this.targets, ref))
  }

  identify(_target: Target, profile: Profile): Promise<Identity> {
    return this.#answer(() => {
      if (profile === 'general') throw new HatchwayError('profile_insufficient', 'general cannot see it')
      return {
        uid: 65_532,
        gid: 65_532,
        groups: [],
        capabilities: [],
        seesFiles: true,
        explanation: 'as the target',
      }
    })
  }

  open: TargetAccess['open'] = () => Promise.reject(new Error('not scripted'))
  run: TargetAccess['run'] = () => Promise.reject(new Error('not scripted'))
  reattach: TargetAccess['reattach'] = () => Promise.reject(new Error('not scripted'))
  stop: TargetDriver['stop'] = async () => undefined
  listOwned: TargetDriver['listOwned'] = async () => []
  close(): void {}
}

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
