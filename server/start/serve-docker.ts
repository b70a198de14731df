import { existsSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import type { DockerEnvironment } from '../config/environment-schema.ts'
import type { TargetDriver } from '../core/driver.ts'
import type { SampleTarget } from '../gateway/sample.ts'
import { DockerDriver } from '../drivers/docker/driver.ts'
import { busyboxToolbox } from './busybox-toolbox.ts'
import { sampleAvailable, sampleName, startSample } from './docker-sample.ts'

const staticBusybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path))

/** One Docker host. Its default toolbox can be built from this host's static busybox when no registry answers. */
export function createDockerDriver(
  config: Config,
  { id, engine }: DockerEnvironment,
  installation: string,
): DockerDriver {
  const { memoryBytes, cpus, pids } = config.sidecar
  const builtin = config.toolboxes.find(({ name }) => name === 'busybox')
  return new DockerDriver({
    environment: id,
    endpoint: engine.kind === 'socket' ? { kind: 'unix', path: engine.path } : engine,
    installation,
    resources: { memoryBytes, nanoCpus: Math.round(cpus * 1e9), pids },
    ...(builtin === undefined || staticBusybox === undefined
      ? {}
      : { builtin: busyboxToolbox(builtin.image, staticBusybox) }),
  })
}

/** The sample of a first run: only for a gateway without a configuration, whose user may start containers anyway. */
export function createSample(
  config: Config,
  drivers: ReadonlyMap<string, TargetDriver>,
): SampleTarget | undefined {
  const driver = drivers.get('local')
  if (config.file !== undefined || !(driver instanceof DockerDriver)) return undefined
  return {
    ref: `local/${sampleName}`,
    target: { environment: 'local', name: sampleName, labels: {} },
    available: () => sampleAvailable(staticBusybox),
    start: async (signal) => {
      if (staticBusybox !== undefined) await startSample(driver.client, staticBusybox, signal)
    },
  }
}
