import { Duplex } from 'node:stream'
import { terminalIo } from '../../server/drivers/shared/streams.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import type { TargetRef } from '../../server/core/target-ref.ts'
import type { DebugContainer, DebugSpec } from '../../server/core/debug-container.ts'
import type { Opened, TargetAccess, TargetDriver } from '../../server/core/driver.ts'
import type { Identity } from '../../server/core/identity.ts'
import type { StreamEnd, TerminalIo, TerminalStream } from '../../server/core/streams.ts'
import type { Target } from '../../server/core/target.ts'

const identity: Identity = {
  uid: 65532,
  gid: 65532,
  groups: [],
  capabilities: [],
  seesFiles: true,
  explanation: 'A scripted terminal: it echoes what is typed.',
}

/** A tty in memory that echoes its input, so that a benchmark counts the gateway's cost and no container's. */
class EchoTerminal implements TerminalStream {
  readonly kind = 'terminal'
  readonly io: TerminalIo
  readonly #duplex: Duplex
  readonly ended: Promise<StreamEnd>

  constructor() {
    const io = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        io.push(chunk)
        done()
      },
    })
    this.#duplex = io
    this.io = terminalIo(io)
    this.ended = new Promise((resolve) => {
      io.once('close', () => resolve({ kind: 'exit', exitCode: 0 }))
    })
    io.push('$ ')
  }

  resize(): Promise<void> {
    return Promise.resolve()
  }

  detach(): void {
    this.#duplex.destroy()
  }
}

/** So many containers that run, the same objects each time, as a driver gives what has not changed. */
function containersOf(environment: string, count: number): Target[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `web-${String(index).padStart(5, '0')}`
    // The higher its number, the younger.
    const startedAt = new Date(Date.UTC(2026, 0, 1) + index * 60_000)
    return {
      ref: { kind: 'docker', environment, container: name },
      id: name,
      name,
      image: `registry.example/web:${index % 7}`,
      state: 'running',
      status: 'Up',
      createdAt: startedAt,
      startedAt,
      labels: { app: `app-${index % 40}`, tier: 'web' },
      ports: ['8080/tcp'],
      warnings: [],
    }
  })
}

/**
 * Stands in for an engine where 1,000 containers would measure the machine instead of the gateway. An environment that is called
 * `many-5000` lists so many containers, any other none.
 */
export class ScriptedDriver implements TargetDriver, TargetAccess {
  readonly environment: string
  readonly kind = 'docker'
  readonly capabilities = { copies: false }
  readonly #terminals = new Map<string, EchoTerminal>()
  readonly #targets: Target[]

  constructor(environment: string) {
    this.environment = environment
    this.#targets = containersOf(environment, Number(/^many-(\d+)$/.exec(environment)?.[1] ?? 0))
  }

  as(): TargetAccess {
    return this
  }

  check(): Promise<void> {
    return Promise.resolve()
  }

  list(): Promise<Target[]> {
    return Promise.resolve(this.#targets)
  }

  find(ref: TargetRef): Promise<Target> {
    const now = new Date()
    const name = ref.kind === 'docker' ? ref.container : ref.name
    return Promise.resolve({
      ref,
      id: name,
      name,
      image: 'scripted',
      state: 'running',
      status: 'Up',
      createdAt: now,
      startedAt: now,
      labels: {},
      ports: [],
      warnings: [],
    })
  }

  identify(): Promise<Identity> {
    return Promise.resolve(identity)
  }

  open(spec: DebugSpec, target: Target): Promise<Opened<TerminalStream>> {
    const terminal = new EchoTerminal()
    this.#terminals.set(spec.sessionId, terminal)
    const container: DebugContainer = {
      environment: this.environment,
      id: spec.sessionId,
      sessionId: spec.sessionId,
      targetId: target.id,
    }
    return Promise.resolve({
      container,
      stream: terminal,
      identity,
      imageId: Promise.resolve('scripted'),
      notices: [],
    })
  }

  run(): Promise<never> {
    return Promise.reject(new HatchwayError('start_failed', 'A scripted terminal runs no commands.'))
  }

  reattach(): Promise<TerminalStream> {
    return Promise.reject(new HatchwayError('session_ended', 'A scripted terminal ends with its process.'))
  }

  stop(container: DebugContainer): Promise<void> {
    this.#terminals.get(container.sessionId)?.detach()
    this.#terminals.delete(container.sessionId)
    return Promise.resolve()
  }

  listOwned(): Promise<DebugContainer[]> {
    return Promise.resolve([])
  }

  close(): void {
    for (const terminal of this.#terminals.values()) terminal.detach()
  }
}
