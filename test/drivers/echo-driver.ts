import { Duplex } from 'node:stream'
import type { TargetDriver } from '../../server/core/driver.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import type { Target } from '../../server/core/target.ts'
import { MemoryDriver } from './memory-driver.ts'
import { MemoryHost } from './memory-host.ts'
import { describeMemoryTarget } from './memory-targets.ts'
import type { Programs, TerminalProgram } from './program.ts'

/** Echoes what is typed, so that a benchmark counts the gateway's cost and no container's. */
export const echoPrograms: Programs = {
  terminal: async () => echoProgram(),
  command: () =>
    Promise.reject(new HatchwayError('start_failed', 'A terminal that echoes runs no commands.')),
}

function echoProgram(): TerminalProgram {
  const { promise: exited, resolve } = Promise.withResolvers<number>()
  const io = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      io.push(chunk)
      done()
    },
  })
  io.push('$ ')
  const kill = () => {
    io.destroy()
    resolve(0)
  }
  return { io, resize: async () => undefined, exited, kill }
}

/** So many containers that run, the same objects each time, as a driver gives what has not changed. */
function containersOf(environment: string, count: number): Target[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `web-${String(index).padStart(5, '0')}`
    // The higher its number, the younger.
    const startedAt = new Date(Date.UTC(2026, 0, 1) + index * 60_000)
    return {
      ...describeMemoryTarget(environment, name),
      id: name,
      image: `registry.example/web:${index % 7}`,
      createdAt: startedAt,
      startedAt,
      labels: { app: `app-${index % 40}`, tier: 'web' },
    }
  })
}

/**
 * Stands in for an engine where 1,000 containers would measure the machine instead of the gateway. An environment that is called
 * `many-5000` lists so many containers, any other none; a container of any other name is there when it is asked for.
 */
export function echoDriver(environment: string, installation: string): TargetDriver {
  const listed = containersOf(environment, Number(/^many-(\d+)$/.exec(environment)?.[1] ?? 0))
  const host = new MemoryHost(environment, echoPrograms, listed)
  host.findsAnyName = true
  return new MemoryDriver(host, installation)
}
