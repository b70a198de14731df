import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment-schema.ts'
import type { TargetDriver } from '../core/driver.ts'

type Create<Of extends Environment> = (
  config: Config,
  environment: Of,
  installation: string,
) => TargetDriver | Promise<TargetDriver>

export type CreateDriver = Create<Environment>

// Loaded only where they are used: a gateway for Docker hosts does without what clusters take.
const own: { [Kind in Environment['kind']]: Create<Extract<Environment, { kind: Kind }>> } = {
  docker: async (...how) => (await import('./serve-docker.ts')).createDockerDriver(...how),
  kubernetes: async (...how) => (await import('./serve-kubernetes.ts')).createKubernetesDriver(...how),
}

export async function createOwnDriver(
  config: Config,
  environment: Environment,
  installation: string,
): Promise<TargetDriver> {
  const create = own[environment.kind] as CreateDriver
  return await create(config, environment, installation)
}

/** One for each environment. None of them is asked anything yet: one that is down must not hold up the others. */
export async function createDrivers(
  config: Config,
  installation: string,
  create: CreateDriver,
): Promise<Map<string, TargetDriver>> {
  const drivers = new Map<string, TargetDriver>()
  for (const environment of config.environments)
    drivers.set(environment.id, await create(config, environment, installation))
  return drivers
}
