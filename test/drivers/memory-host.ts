import { randomBytes } from 'node:crypto'
import type { DebugContainer, DebugSpec } from '../../server/core/debug-container.ts'
import type { HatchwayError } from '../../server/core/errors.ts'
import type { StreamEnd } from '../../server/core/streams.ts'
import type { Target } from '../../server/core/target.ts'
import type { Profile, TargetState } from '../../server/core/vocabulary.ts'
import type { TargetRef } from '../../server/core/target-ref.ts'
import { describeMemoryTarget, findTarget } from './memory-targets.ts'
import { MemoryCommand, MemoryTerminal } from './memory-streams.ts'
import type { CommandProgram, Programs, TerminalProgram } from './program.ts'

/** A debug container that runs. */
export interface MemoryContainer {
  readonly description: DebugContainer
  readonly spec: DebugSpec
  readonly exited: Promise<StreamEnd>
  /** Of a terminal: the newest attachment. */
  attached?: MemoryTerminal
  attach(): MemoryTerminal
  end(as?: StreamEnd): Promise<void>
}

/** What goes wrong, from when it is set. */
export interface Faults {
  /** Every call is refused with it. */
  away?: Error | undefined
  /** No call is ever answered. */
  hangs?: boolean
  /** Every start is refused with it. */
  refused?: HatchwayError | undefined
  /** A start waits for it, between `creating` and `attaching`. */
  slow?: Promise<unknown> | undefined
  /** A debug container with one of these profiles would not see its target: it can't be identified, for this reason. */
  blind?: { profiles: readonly Profile[]; reason: HatchwayError } | undefined
  /** It answers, and its lists lack this. */
  lacks?: readonly string[] | undefined
}

/** What stands where an engine would: it outlives the drivers that are connected to it, as an engine outlives a gateway. */
export class MemoryHost<Terminal extends TerminalProgram = TerminalProgram> {
  readonly environment: string
  readonly faults: Faults = {}
  targets: readonly Target[]
  /** A container that is not listed is there when it is asked for. */
  findsAnyName = false
  /** What each debug container was to be that has begun to run, in their order. */
  readonly begun: DebugSpec[] = []
  readonly #programs: Programs<Terminal>
  readonly #containers = new Map<string, MemoryContainer>()
  readonly #unlisted = new Map<string, Target>()

  constructor(environment: string, programs: Programs<Terminal>, targets: readonly Target[] = []) {
    this.environment = environment
    this.#programs = programs
    this.targets = targets
  }

  get containers(): readonly MemoryContainer[] {
    return [...this.#containers.values()]
  }

  container(id: string): MemoryContainer | undefined {
    return this.#containers.get(id)
  }

  /** The debug container of a session, while it runs. */
  containerOf(sessionId: string): MemoryContainer | undefined {
    return this.containers.find(({ spec }) => spec.sessionId === sessionId)
  }

  find(ref: TargetRef): Target {
    if (!this.findsAnyName || ref.kind !== 'docker') return findTarget(this.targets, ref)
    const name = ref.container
    const listed = this.targets.find((target) => target.name === name) ?? this.#unlisted.get(name)
    if (listed !== undefined) return listed
    const target = { ...describeMemoryTarget(this.environment, name), id: name }
    this.#unlisted.set(name, target)
    return target
  }

  /** Of the full id. */
  target(id: string): Target | undefined {
    return this.targets.find((target) => target.id === id) ?? this.#unlisted.get(id)
  }

  /** Another container that can be debugged. */
  add(name: string, state: TargetState = 'running'): Target {
    const id = randomBytes(32).toString('hex')
    const createdAt = new Date()
    const target = { ...describeMemoryTarget(this.environment, name), id, state, createdAt }
    this.targets = [...this.targets, target]
    return target
  }

  /** The first process of a target ends, and takes along what has joined it. */
  async endTarget(id: string, exitCode: number): Promise<void> {
    this.targets = this.targets.map((target) => (target.id === id ? { ...target, state: 'exited' } : target))
    const detail = `The target exited with code ${exitCode}.`
    const joined = this.containers.filter(({ description }) => description.targetId === id)
    await Promise.all(joined.map((each) => each.end({ kind: 'target-exited', detail })))
  }

  async startTerminal(spec: DebugSpec, target: Target) {
    const program = await this.#programs.terminal(spec)
    const container = this.#keep(spec, target, program)
    container.attach = () => {
      container.attached?.lose('Another has attached.')
      container.attached = new MemoryTerminal(program, () => container.exited)
      return container.attached
    }
    return { program, container }
  }

  async startCommand(spec: DebugSpec, target: Target) {
    const program: CommandProgram = await this.#programs.command(spec)
    const container = this.#keep(spec, target, program)
    return { container, stream: new MemoryCommand(program, () => container.exited) }
  }

  #keep(spec: DebugSpec, target: Target, program: Pick<TerminalProgram, 'exited' | 'kill'>): MemoryContainer {
    const id = randomBytes(32).toString('hex')
    let as: StreamEnd | undefined
    const deadline = setTimeout(() => program.kill(), spec.maxDurationMs).unref()
    const follow = async (): Promise<StreamEnd> => {
      const exitCode = await program.exited
      clearTimeout(deadline)
      this.#containers.delete(id)
      return as ?? { kind: 'exit', exitCode }
    }
    const exited = follow()
    const container: MemoryContainer = {
      description: { environment: this.environment, id, sessionId: spec.sessionId, targetId: target.id },
      spec,
      exited,
      attach: () => {
        throw new Error('A command has no terminal.')
      },
      async end(end) {
        as ??= end
        program.kill()
        await exited
      },
    }
    this.#containers.set(id, container)
    this.begun.push(spec)
    return container
  }
}

/** A host with containers of these names. */
export function hostInMemory<Terminal extends TerminalProgram>(
  environment: string,
  programs: Programs<Terminal>,
  names: readonly string[],
): MemoryHost<Terminal> {
  const targets = names.map((name, index) => describeMemoryTarget(environment, name, index))
  return new MemoryHost(environment, programs, targets)
}
