/** What a link may name for one target, so that it lasts. Pure. */
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

/**
 * What a link calls a process that was asked for: by its program's name, which outlives its number, where the name leads to the same one.
 * What the target does not list stays as it was asked for.
 */
export function lastingProcess(asked: string, target: TargetDetail | undefined): string {
  const items = target?.options?.processes?.items ?? []
  const item = items.find(({ process }) => process === asked)
  // Digits would be a number again, and nothing is no choice.
  if (item === undefined || /^\d*$/.test(item.name)) return asked
  const [first, ...others] = items.filter(({ name }) => name === item.name)
  // Of several with a name the first is meant. The one that is found is listed before all, whichever of them it is.
  const isMeant = first === item && (!item.found || others.length === 0)
  return isMeant ? item.name : asked
}
