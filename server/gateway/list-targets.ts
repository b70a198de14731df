import { HatchwayError, messageOf } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import type { TargetDriver } from '../core/driver.ts'
import { formatTargetRef, isWorkload, namespaceOf, resourceKindOf } from '../core/target-ref.ts'
import type { Target } from '../core/target.ts'
import type { TargetState } from '../core/vocabulary.ts'
import type { TargetList } from '../protocol/target-api.ts'
import { within } from '../core/deadline.ts'
import type { TargetFilter } from './select-targets.ts'

/** An engine that does not list in time is named in `problems`; the others are shown. */
const listMs = 5_000

export interface EnvironmentTargets {
  targets: readonly Target[]
  problem?: TargetList['problems'][number]
}

/** Everything of one environment, or why it could not be asked. */
export async function listEnvironment(
  driver: TargetDriver,
  who: Principal,
  parent: AbortSignal,
): Promise<EnvironmentTargets> {
  const { environment } = driver
  try {
    const what = `Environment ${environment}`
    const targets = await within(listMs, what, parent, (signal) => driver.as(who).list({}, signal))
    const problems = driver.problems?.() ?? []
    if (problems.length === 0) return { targets }
    return { targets, problem: { environment, detail: problems.join('\n'), partial: true } }
  } catch (error) {
    if (!(error instanceof HatchwayError)) throw error
    return { targets: [], problem: { environment, detail: messageOf(error) } }
  }
}

export interface TargetSelection {
  namespace?: string
  filters: readonly TargetFilter[]
  /** Leave out pods that a workload in the list stands for. */
  collapse: boolean
  states?: readonly TargetState[]
}

/** What of the visible targets is asked for, and how many there are in each state before `states` counts. Pure. */
export function selectTargets(
  visible: readonly Target[],
  { namespace, filters, collapse, states }: TargetSelection,
): { selected: Target[]; states: TargetList['states'] } {
  const fitting = visible.filter(
    (target) =>
      (namespace === undefined || namespaceOf(target.ref) === namespace) &&
      filters.every((fits) => fits(target)),
  )
  const shown = collapse ? withoutRepresented(fitting) : fitting
  const counts: TargetList['states'] = {}
  for (const { state } of shown) counts[state] = (counts[state] ?? 0) + 1
  return {
    selected: states === undefined ? shown : shown.filter(({ state }) => states.includes(state)),
    states: counts,
  }
}

function withoutRepresented(targets: Target[]): Target[] {
  const workloads = new Set<string>()
  for (const { ref } of targets) {
    if (isWorkload(ref)) workloads.add(formatTargetRef(ref))
  }
  if (workloads.size === 0) return targets
  return targets.filter(({ ref, cluster }) => {
    if (resourceKindOf(ref) !== 'pod') return true
    const place = `${ref.environment}/${namespaceOf(ref)}`
    return !cluster?.names.some((name) => workloads.has(`${place}/${name}`))
  })
}

/** Where in the clusters there is something to see. Pure. */
export function countNamespaces(visible: readonly Target[]): TargetList['namespaces'] {
  const counts = new Map<string, TargetList['namespaces'][number]>()
  for (const { ref } of visible) {
    const { environment } = ref
    const namespace = namespaceOf(ref)
    if (namespace === undefined) continue
    const key = `${environment}/${namespace}`
    const count = counts.get(key)
    if (count === undefined) counts.set(key, { environment, namespace, targets: 1 })
    else count.targets++
  }
  return [...counts.values()]
}
