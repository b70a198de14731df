import type { DriverGround } from '../contract/driver-ground.ts'
import type { Toolbox } from '../../server/core/debug-container.ts'
import { DockerDriver, type DockerDriverOptions } from '../../server/drivers/docker/driver.ts'
import { TestContainers } from './containers.ts'
import type { TestEngine } from './engine.ts'
import { ensureImages, imageRef } from './images.ts'

/** The toolbox that the tests use; every test engine has its image. */
export const testToolbox: Toolbox = { name: 'test', image: imageRef('toolbox'), shell: ['/bin/sh'] }

/** A driver as a gateway of that installation has one. */
export function dockerDriver(
  engine: Pick<TestEngine, 'socket'>,
  installation: string,
  options: Partial<DockerDriverOptions> = {},
): DockerDriver {
  return new DockerDriver({
    environment: 'local',
    installation,
    endpoint: { kind: 'unix', path: engine.socket },
    resources: { memoryBytes: 256 * 1024 ** 2, nanoCpus: 1_000_000_000, pids: 200 },
    ...options,
  })
}

/** Runs until it gets a TERM, then ends with 7. */
export const mortalCommand = ['/bin/sh', '-c', "trap 'exit 7' TERM; while :; do sleep 0.05; done"]

/** A Docker engine as ground for the driver's contract. */
export async function dockerGround(engine: TestEngine): Promise<DriverGround> {
  const containers = new TestContainers(engine)
  const installations = new Set<string>()
  await ensureImages(engine.docker, 'toolbox')
  const ref = (container: string) => ({ kind: 'docker', environment: 'local', container }) as const
  const list = (label: string) => engine.docker.listContainers({ all: true, filters: { label: [label] } })
  return {
    environment: 'local',
    toolbox: testToolbox,
    knowsShells: true,
    onTheWay: 8 * 1024 * 1024,
    unknown: ref('hatchway-test-no-such-container'),
    async connect(installation) {
      installations.add(installation)
      return dockerDriver(engine, installation)
    },
    async startWeb() {
      const { name, container } = await containers.start({ image: 'web' })
      return { ref: ref(name), end: () => container.kill() }
    },
    async startMortal() {
      const { name, container } = await containers.start({
        image: 'toolbox',
        user: '65532:65532',
        cmd: mortalCommand,
      })
      return {
        ref: ref(name),
        async end() {
          await container.kill({ signal: 'TERM' })
          await container.wait()
        },
      }
    },
    async createStopped() {
      const { name } = await containers.start({ image: 'web', start: false })
      return { ref: ref(name), end: async () => {} }
    },
    marks: (listed) => listed.flatMap(({ ownSession }) => ownSession ?? []),
    async remains(sessionId) {
      return (await list(`hatchway.session=${sessionId}`)).map((each) => each.Id)
    },
    close: () => containers.removeAll(...installations),
  }
}
