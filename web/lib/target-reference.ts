/** What a link may name. The gateway's own rules (server/core/target-ref.ts), asked before anything of a link lands in a path. Pure. */

const environmentId = /^[a-z0-9][a-z0-9-]{0,62}$/
const dockerName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/
const kubernetesName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/
const kinds = ['pod', 'deployment', 'statefulset', 'daemonset', 'job', 'replicaset']

/** Of a pod, a container, a workload or a namespace. */
export function isKubernetesName(text: string): boolean {
  return kubernetesName.test(text)
}

/** `<environment>/<container>`, or `<environment>/<namespace>/<kind>/<name>[/<container>]`. */
export function isTargetReference(text: string): boolean {
  const [environment = '', second = '', kind, name, container, ...rest] = text.split('/')
  if (!environmentId.test(environment) || rest.length > 0) return false
  if (kind === undefined) return dockerName.test(second)
  if (name === undefined || !kinds.includes(kind)) return false
  return [second, name, container ?? 'x'].every(isKubernetesName)
}
