/** The filters of the targets list: in the address, for the gateway, and in memory. Pure. */
import type { Target, TargetList } from '../../server/protocol/target-api.ts'

export type TargetState = Target['state']

export interface TargetFilters {
  environment: string
  namespace: string
  /** Empty: workloads, single pods and containers. */
  kind: '' | 'pod' | 'all'
  selector: string
  /** Only what crashes or cannot start. */
  failing: boolean
  /** Also what has ended. */
  stopped: boolean
}

const everyKind = 'container,pod,deployment,statefulset,daemonset,job,replicaset'
const failingStates = ['restarting', 'dead'] as const
const stoppedStates = ['exited', 'dead'] as const
const shownStates = ['running', 'paused', 'restarting', 'created', 'removing'] as const

/** An unknown value of a hand-made link counts as none. */
export function readFilters(parameters: URLSearchParams): TargetFilters {
  const kind = parameters.get('kind')
  return {
    environment: parameters.get('environment') ?? '',
    namespace: parameters.get('namespace') ?? '',
    kind: kind === 'pod' || kind === 'all' ? kind : '',
    selector: parameters.get('selector') ?? '',
    failing: parameters.get('failing') === '1',
    stopped: parameters.get('stopped') === '1',
  }
}

const sorts = ['name', 'image', 'node', 'environment', 'restarts', 'age']

/** By which column, with `-` the other way round. Pure. */
export function readSort(parameters: URLSearchParams): string | undefined {
  const sort = parameters.get('sort') ?? ''
  return sorts.includes(sort.replace(/^-/, '')) ? sort : undefined
}

/** As `GET /targets` takes them. */
export function targetQuery(filters: TargetFilters, words: string): Record<string, string | undefined> {
  const states = filters.failing ? failingStates : filters.stopped ? [] : shownStates
  return {
    environment: filters.environment,
    namespace: filters.namespace,
    kind: filters.kind === 'all' ? everyKind : filters.kind,
    selector: filters.selector,
    state: states.join(','),
    q: words.trim(),
  }
}

/** How many fit but for their state: what the two switches would show. */
export function countStates(states: TargetList['states']): { failing: number; stopped: number } {
  const sum = (names: readonly TargetState[]): number =>
    names.reduce((count, name) => count + (states[name] ?? 0), 0)
  return { failing: sum(failingStates), stopped: sum(stoppedStates) }
}

/** It crashes again and again, or cannot start. */
export function isFailing(target: Pick<Target, 'state' | 'kind'>): boolean {
  return target.state === 'dead' || (target.state === 'restarting' && target.kind === 'kubernetes')
}

export function hasEnded({ state }: Pick<Target, 'state'>): boolean {
  return state === 'exited' || state === 'dead' || state === 'removing' || state === 'created'
}

/** Those with every word in a name, an image, a label or what else tells them apart. */
export function withWords(items: readonly Target[], words: string): Target[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  if (wanted.length === 0) return [...items]
  return items.filter((target) => {
    const text = haystack(target)
    return wanted.every((word) => text.includes(word))
  })
}

function haystack(target: Target): string {
  const labels = Object.entries(target.labels).map(([name, value]) => `${name}=${value}`)
  const containers = (target.containers ?? []).flatMap(({ name, image }) => [name, image])
  const { ref, name, image, id, user, node, status } = target
  return [ref, name, image, id, user ?? '', node ?? '', status, ...containers, ...labels]
    .join('\n')
    .toLowerCase()
}

// They tell one pod or one rollout from another: with them the link would lead to that alone.
const ownLabels = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'controller-uid',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-completion-index',
])

/** The list of a workload's pods; undefined for what has no labels to find them by. */
export function podsPath(target: Target): string | undefined {
  const labels = Object.entries(target.labels).filter(([name]) => !ownLabels.has(name))
  if (labels.length === 0 || target.namespace === undefined) return undefined
  const query = new URLSearchParams({
    environment: target.environment,
    namespace: target.namespace,
    kind: 'pod',
    selector: labels.map(([name, value]) => `${name}=${value}`).join(','),
    stopped: '1',
  })
  return `/?${query.toString()}`
}

export interface NamespaceOption {
  value: string
  words: string
}

/** Namespaces of the chosen environment; with their cluster's name where several clusters are shown. */
export function namespaceOptions(
  namespaces: TargetList['namespaces'],
  environment: string,
): NamespaceOption[] {
  const shown = namespaces.filter((each) => environment === '' || each.environment === environment)
  const several = new Set(shown.map((each) => each.environment)).size > 1
  return shown
    .map((each) => ({
      value: several ? `${each.environment}/${each.namespace}` : each.namespace,
      words: `${several ? `${each.environment} / ` : ''}${each.namespace} (${each.targets})`,
    }))
    .toSorted((a, b) => a.words.localeCompare(b.words))
}

/** What choosing an option means for the address. */
export function chooseNamespace(option: string): { namespace: string; environment?: string } {
  const [environment = '', namespace] = option.split('/')
  return namespace === undefined ? { namespace: option } : { namespace, environment }
}
