import type { DriverGround, GroundTarget } from '../contract/driver-ground.ts'
import type { Target } from '../../server/core/target.ts'
import { localPrograms, processesOf } from './local-programs.ts'
import { MemoryDriver } from './memory-driver.ts'
import { MemoryHost } from './memory-host.ts'

/** The in-memory driver as ground for the contract, with real shells in its containers. */
export async function memoryGround(): Promise<DriverGround> {
  const host = new MemoryHost('local', localPrograms)
  let count = 0
  const start = (name: string, state?: 'created'): GroundTarget => {
    const target: Target = host.add(`${name}-${++count}`, state)
    return { ref: target.ref, end: () => host.endTarget(target.id, 7) }
  }
  return {
    environment: 'local',
    toolbox: { name: 'test', image: 'toolbox', shell: ['/bin/sh'] },
    knowsShells: true,
    onTheWay: 8 * 1024 * 1024,
    unknown: { kind: 'docker', environment: 'local', container: 'hatchway-test-no-such-container' },
    connect: async (installation) => new MemoryDriver(host, installation),
    startWeb: async () => start('web'),
    startMortal: async () => start('mortal'),
    createStopped: async () => start('stopped', 'created'),
    marks: (listed) => listed.flatMap(({ ownSession }) => ownSession ?? []),
    remains: async (sessionId) => processesOf(sessionId).map(String),
    async close() {
      await Promise.all(host.containers.map((container) => container.end()))
    },
  }
}
