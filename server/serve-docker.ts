import { existsSync } from 'node:fs'
import type { Config, DockerEnvironment } from './config.ts'
import { DockerDriver } from './targets/docker.ts'

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
      : { builtinToolbox: builtin.image, fallbackBusybox: staticBusybox }),
  })
}
