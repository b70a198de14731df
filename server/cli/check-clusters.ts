import type { Config } from '../config/config.ts'
import { ConfigError } from '../core/config-error.ts'
import { HatchwayError } from '../core/errors.ts'
import { loadAccount } from '../drivers/kubernetes/api/config.ts'

/** Throws ConfigError with every cluster whose kubeconfig can't be read, or lacks its context. Asks no cluster. */
export async function checkClusters({ environments }: Config, path: string): Promise<void> {
  const problems = await Promise.all(
    environments.map(async (environment, index) => {
      if (environment.kind !== 'kubernetes') return []
      try {
        await loadAccount(environment.id, environment.source)
        return []
      } catch (cause) {
        if (!(cause instanceof HatchwayError)) throw cause
        return [{ path: `environments.${index}`, message: cause.message }]
      }
    }),
  )
  if (problems.flat().length > 0) throw new ConfigError(path, problems.flat())
}
