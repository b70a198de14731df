import { HatchwayError } from './errors.ts'
import { workloadKinds, type WorkloadKind } from './vocabulary.ts'

/** What a caller asks for, before anything is resolved. */
export type TargetRef =
  | { kind: 'docker'; environment: string; container: string }
  | {
      kind: 'kubernetes'
      environment: string
      namespace: string
      workload: WorkloadKind
      name: string
      container?: string
    }

// Docker's own rule for container names (daemon/names/names.go), which also covers id prefixes.
const dockerName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/
const environmentId = /^[a-z0-9][a-z0-9-]{0,62}$/
// RFC 1123 subdomain, what Kubernetes accepts as an object's name.
const kubernetesName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

/**
 * Reads `<environment>/<container>` or `<environment>/<namespace>/<kind>/<name>[/<container>]`.
 * Throws `invalid_request` with the expected form; nothing of the text is ever used in a path unchecked.
 */
export function parseTargetRef(text: string): TargetRef {
  const parts = text.split('/')
  const [environment = '', second = '', third = '', name = '', container] = parts
  if (!environmentId.test(environment)) throw badRef(text)
  if (parts.length === 2) {
    if (!dockerName.test(second)) throw badRef(text)
    return { kind: 'docker', environment, container: second }
  }
  const workload = workloadKinds.find((kind) => kind === third)
  if (parts.length < 4 || parts.length > 5 || workload === undefined) throw badRef(text)
  if (![second, name, container ?? 'x'].every((part) => kubernetesName.test(part))) throw badRef(text)
  const ref = { kind: 'kubernetes', environment, namespace: second, workload, name } as const
  return container === undefined ? ref : { ...ref, container }
}

/** The inverse of {@link parseTargetRef}. */
export function formatTargetRef(ref: TargetRef): string {
  if (ref.kind === 'docker') return `${ref.environment}/${ref.container}`
  const base = `${ref.environment}/${ref.namespace}/${ref.workload}/${ref.name}`
  return ref.container === undefined ? base : `${base}/${ref.container}`
}

/** Of a cluster; undefined where there are none. */
export function namespaceOf(ref: TargetRef): string | undefined {
  return ref.kind === 'docker' ? undefined : ref.namespace
}

/** What it names: a container, a pod, or a workload. */
export function resourceKindOf(ref: TargetRef): 'container' | WorkloadKind {
  return ref.kind === 'docker' ? 'container' : ref.workload
}

/** Whether it stands for others, its pods, and leads to the one that is right when it is opened. */
export function isWorkload(ref: TargetRef): boolean {
  return ref.kind !== 'docker' && ref.workload !== 'pod'
}

/** The pod that a workload was resolved to; `ref` itself where there are no pods. */
export function refOfPod(ref: TargetRef, pod: string | undefined, container?: string): TargetRef {
  if (ref.kind === 'docker' || pod === undefined) return ref
  return { ...ref, workload: 'pod', name: pod, ...(container !== undefined && { container }) }
}

function badRef(text: string): HatchwayError {
  const shown = JSON.stringify(text.slice(0, 120))
  return new HatchwayError(
    'invalid_request',
    `${shown} is not a target. Write <environment>/<container>, or <environment>/<namespace>/<kind>/<name>[/<container>].`,
  )
}
