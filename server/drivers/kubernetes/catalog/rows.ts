/** From what is kept of pods and workloads to the targets that a list shows. Pure. */
import { inOrder } from '../../../core/target-facts.ts'
import type { Target } from '../../../core/target.ts'
import type { TargetState } from '../../../core/vocabulary.ts'
import { shorten } from './containers.ts'
import { sessionOfCopy } from './copy-name.ts'
import type { PodRecord } from './describe.ts'
import { nameOf, type Lineage } from './owners.ts'
import type { WorkloadRecord, WorkloadRow } from './workloads.ts'

/** A pod by its own name. */
export function podTarget(environment: string, pod: PodRecord, lineage: Lineage): Target {
  const { namespace, name, container } = pod
  const own = nameOf({ kind: 'pod', name })
  return {
    ref: { kind: 'kubernetes', environment, namespace, workload: 'pod', name },
    id: pod.uid,
    name,
    ...factsOf(pod),
    cluster: {
      names: [own, ...lineage.names],
      ...(lineage.claims.length === 0 ? {} : { claims: lineage.claims }),
      pod: name,
      ...(container === undefined ? {} : { container }),
      containers: pod.containers,
      restarts: pod.restarts,
    },
  }
}

/** What a target tells of the pod that it is, or was resolved to. */
export function factsOf(pod: PodRecord) {
  const { image, imageId, state, status, createdAt, startedAt, labels, user, ports, node, found, warnings } =
    pod
  const ownSession = sessionOfCopy(pod.name, labels)
  return {
    image,
    ...(imageId === undefined ? {} : { imageId }),
    state,
    status,
    createdAt,
    ...(startedAt === undefined ? {} : { startedAt }),
    labels,
    ...(user === undefined ? {} : { user }),
    ports,
    ...(node === undefined ? {} : { node }),
    ...found,
    warnings,
    ...(ownSession === undefined ? {} : { ownSession }),
  }
}

/** A workload that stands for its pods. */
export function workloadTarget(
  environment: string,
  record: WorkloadRecord & { row: WorkloadRow },
  pods: readonly PodRecord[],
  lineage: Lineage,
): Target {
  const { kind, uid, namespace, name, row } = record
  const standing = workloadStanding(row, pods)
  const shown = pods.toSorted(byUsefulness)[0]
  return {
    ref: { kind: 'kubernetes', environment, namespace, workload: kind, name },
    id: uid,
    name,
    image: row.image,
    ...standing,
    createdAt: row.createdAt,
    labels: row.labels,
    ...(shown?.user === undefined ? {} : { user: shown.user }),
    ports: shown?.ports ?? [],
    // Which pod it will be is chosen when it is opened.
    facts: inOrder(pods.flatMap(({ found }) => found.facts)),
    warnings: shown?.warnings ?? [],
    cluster: {
      names: [nameOf(record), ...lineage.names],
      ...(lineage.claims.length === 0 ? {} : { claims: lineage.claims }),
      containers: shown?.containers ?? [],
      restarts: pods.reduce((sum, pod) => sum + pod.restarts, 0),
      pods: { total: pods.length, ready: countReady(pods) },
    },
  }
}

/** Ready before running before anything else; the newest first among equals. */
export function byUsefulness(a: PodRecord, b: PodRecord): number {
  return rankOf(a) - rankOf(b) || b.createdAt.getTime() - a.createdAt.getTime() || (a.name < b.name ? -1 : 1)
}

const ranks: Record<TargetState, number> = {
  running: 1,
  paused: 1,
  restarting: 2,
  created: 3,
  exited: 4,
  dead: 5,
  removing: 6,
}

function rankOf({ ready, state }: PodRecord): number {
  return ready && state === 'running' ? 0 : ranks[state]
}

function countReady(pods: readonly PodRecord[]): number {
  return pods.filter(({ ready }) => ready).length
}

export function workloadStanding(
  { wanted, remark, isFinished }: WorkloadRow,
  pods: readonly PodRecord[],
): { state: TargetState; status: string } {
  if (isFinished) return { state: 'exited', status: shorten(remark ?? 'Completed') }
  if (pods.length === 0 && wanted === 0) return { state: 'exited', status: 'Scaled to 0' }
  const why = remark === undefined ? '' : `: ${shorten(remark)}`
  if (pods.length === 0) return { state: 'created', status: `No pods yet${why}` }
  const ready = countReady(pods)
  const live = pods.filter(({ state }) => state !== 'exited' && state !== 'removing')
  const troubled = live.find(({ state }) => state === 'restarting') ?? live.find((pod) => !pod.ready)
  const words = troubled === undefined ? why : `: ${troubled.status}`
  const total = wanted ?? live.length
  return { state: stateOf(live), status: `${ready}/${total} ready${words}` }
}

function stateOf(live: readonly PodRecord[]): TargetState {
  if (live.some(({ state }) => state === 'restarting')) return 'restarting'
  if (live.some(({ state }) => state === 'running')) return 'running'
  return live.length === 0 ? 'exited' : 'created'
}
