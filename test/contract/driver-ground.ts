import { randomUUID } from 'node:crypto'
import type { TargetRef } from '../../server/core/target-ref.ts'
import type { DebugContainer, DebugSpec, Toolbox } from '../../server/core/debug-container.ts'
import type { Actor, Opened, StartProgress, TargetAccess, TargetDriver } from '../../server/core/driver.ts'
import type { CommandStream, TerminalStream } from '../../server/core/streams.ts'
import type { Target } from '../../server/core/target.ts'
import { Shell } from '../support/shell.ts'
import { within } from '../support/within.ts'

/** A workload that the contract debugs. */
export interface GroundTarget {
  ref: TargetRef
  /** Makes its first process end with exit code 7. Only for the mortal one. */
  end(): Promise<void>
}

/** What a backend gives so that the contract can be tried on it. */
export interface DriverGround {
  environment: string
  toolbox: Toolbox
  /** Whether the backend can look into a target before it is opened. */
  knowsShells: boolean
  /** Bytes of a terminal that nobody reads which the backend and the kernel take in at most before the program waits. */
  onTheWay: number
  /** A reference of the right form that fits nothing. */
  unknown: TargetRef
  /** A driver as a gateway of that installation has one. The contract closes it. */
  connect(installation: string): Promise<TargetDriver>
  /** Runs as 65532:65532 without a shell and serves `hello from the target` at 127.0.0.1:8080/hello.txt. */
  startWeb(): Promise<GroundTarget>
  startMortal(): Promise<GroundTarget>
  /** Known to the backend and not running. */
  createStopped(): Promise<GroundTarget>
  /** The sessions whose debug containers a list shows as Hatchway's own. */
  marks(listed: readonly Target[]): string[]
  /** What the backend still runs of this session; empty once it is gone. */
  remains(sessionId: string): Promise<string[]>
  close(): Promise<void>
}

export interface DriverContract {
  name: string
  start: () => Promise<DriverGround>
  /** False where no debug container shares namespaces and user with its target, so that no kernel tells of it. */
  joinsTargets?: boolean
}

export type Test = (what: string, test: () => Promise<void>) => void

/** On whose behalf the contract opens. */
export const engineer: Actor = { subject: 'engineer@example.com', groups: ['engineers'] }

export interface OpenOptions extends Partial<DebugSpec> {
  target?: Target
  onProgress?: (progress: StartProgress) => void
  signal?: AbortSignal
  mayBegin?: Promise<unknown>
}

export interface OpenedShell extends Opened<TerminalStream> {
  terminal: TerminalStream
  shell: Shell
}

export interface CollectedCommand extends Opened<CommandStream> {
  command: CommandStream
  /** A character for each byte. */
  collected: { stdout: string; stderr: string }
}

/** One driver on a ground, and everything that a test opened with it. */
export class DriverUser {
  readonly ground: DriverGround
  readonly installation = `test-${randomUUID()}`
  #driver: TargetDriver | undefined
  #web: Target | undefined
  readonly #opened: DebugContainer[] = []

  constructor(ground: DriverGround) {
    this.ground = ground
  }

  /** What the engineer of these tests reaches through the driver. */
  get access(): TargetAccess {
    return this.driver.as(engineer)
  }

  get driver(): TargetDriver {
    if (this.#driver === undefined) throw new Error('The driver is not connected yet')
    return this.#driver
  }

  /** The target that serves a page. */
  get web(): Target {
    if (this.#web === undefined) throw new Error('The target is not started yet')
    return this.#web
  }

  async start(): Promise<void> {
    this.#driver = await this.ground.connect(this.installation)
    this.#web = await this.anotherWeb()
  }

  /** One more that serves a page. */
  async anotherWeb(): Promise<Target> {
    const { ref } = await this.ground.startWeb()
    return this.access.find(ref, {}, deadline())
  }

  spec(change: Partial<DebugSpec> = {}): DebugSpec {
    return {
      sessionId: randomUUID(),
      installation: this.installation,
      user: engineer.subject,
      toolbox: this.ground.toolbox,
      profile: 'auto',
      size: { cols: 120, rows: 30 },
      maxDurationMs: 600_000,
      ...change,
    }
  }

  /** Opens a terminal on the web target, or on `target`, whatever it has. Taken away by {@link stopAll}. */
  async open(options: OpenOptions = {}): Promise<OpenedShell> {
    const { target = this.web, onProgress, signal, mayBegin, ...change } = options
    const opened = await this.access.open(
      this.spec({ facts: target.facts ?? [], ...change }),
      target,
      onProgress ?? (() => {}),
      signal ?? deadline(),
      mayBegin,
    )
    this.#opened.push(opened.container)
    return { ...opened, terminal: opened.stream, shell: new Shell(opened.stream) }
  }

  /** Runs a command on the web target, or on `target`, and collects what it writes. Taken away by {@link stopAll}. */
  async runCommand(command: readonly string[], options: OpenOptions = {}): Promise<CollectedCommand> {
    const { target = this.web, onProgress, signal, mayBegin, ...change } = options
    const opened = await this.access.run(
      this.spec({ facts: target.facts ?? [], ...change, command }),
      target,
      onProgress ?? (() => {}),
      signal ?? deadline(),
      mayBegin,
    )
    this.#opened.push(opened.container)
    const collected = { stdout: '', stderr: '' }
    opened.stream.output.read(({ stream, bytes }) => {
      collected[stream] += Buffer.from(bytes).toString('latin1')
    })
    return { ...opened, command: opened.stream, collected }
  }

  async stopAll(): Promise<void> {
    const opened = this.#opened.splice(0)
    await Promise.all(opened.map((container) => this.driver.stop(container, deadline())))
  }

  async close(): Promise<void> {
    this.#driver?.close()
    await this.ground.close()
  }
}

/** No call of a driver may take longer in these tests. */
export function deadline(timeoutMs = 30_000): AbortSignal {
  return AbortSignal.timeout(timeoutMs)
}

/** What a command has written when it has ended, and how it did. */
export async function resultOf({ command, collected }: CollectedCommand, timeoutMs?: number) {
  const end = await within(command.ended, 'the command to end', timeoutMs)
  return { ...collected, end }
}

/** How the terminal ended, within a deadline. */
export function endOf({ terminal }: Pick<OpenedShell, 'terminal'>, timeoutMs?: number) {
  return within(terminal.ended, 'the terminal to end', timeoutMs)
}
