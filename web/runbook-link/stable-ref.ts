/** References that a link may name for one target. Pure. */
import type { TargetDetail } from '../../server/protocol/target-api.ts'

const byStability = ['deployment', 'statefulset', 'daemonset', 'job', 'replicaset']

export interface RefParts {
  /** Without the container. */
  ref: string
  container: string
}

/** Separates the container from a reference. */
export function splitRef(reference: string): RefParts {
  const parts = reference.split('/')
  return { ref: parts.slice(0, 4).join('/'), container: parts[4] ?? '' }
}

/**
 * What a link may lead to, the most lasting first: the workload that a pod is part of outlives the pod. In Docker the name, not
 * the id that was asked for.
 */
export function lastingRefs(asked: string, target: TargetDetail | undefined): string[] {
  const { ref } = splitRef(asked)
  if (target === undefined) return [ref]
  if (target.namespace === undefined) return [`${target.environment}/${target.name}`]
  const rank = (workload: string): number => byStability.indexOf(workload.split('/')[0] ?? '')
  const above = (target.workloads ?? [])
    .filter((workload) => rank(workload) >= 0)
    .toSorted((a, b) => rank(a) - rank(b))
    .map((workload) => `${target.environment}/${target.namespace}/${workload}`)
  const [, , kind] = ref.split('/')
  // A deployment is its own best name; what it is made of comes and goes.
  return kind === 'pod' ? [...above, ref] : [ref]
}
