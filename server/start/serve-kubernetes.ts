import type { Config } from '../config/config.ts'
import type { KubernetesEnvironment } from '../config/environment-schema.ts'
import type { TargetDriver } from '../core/driver.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { KubernetesClient } from '../drivers/kubernetes/api/client.ts'
import { KubernetesTargets } from '../drivers/kubernetes/catalog/targets.ts'
import { KubernetesDriver } from '../drivers/kubernetes/driver.ts'

/** One cluster. Its API server is asked in the background: a cluster that is down is shown as unreachable, with the reason. */
export function createKubernetesDriver(
  _config: Config,
  { id, source, impersonate, impersonatedGroups, namespaces }: KubernetesEnvironment,
  installation: string,
): TargetDriver {
  const client = new KubernetesClient(
    withoutUndefined({ environment: id, source, impersonate, impersonatedGroups }),
  )
  const targets = new KubernetesTargets(client, withoutUndefined({ namespaces }))
  return new KubernetesDriver({ environment: id, client, targets, installation })
}
