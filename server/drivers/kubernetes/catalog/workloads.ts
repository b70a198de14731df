import type { WorkloadKind } from '../../../core/vocabulary.ts'
import { ownerOf } from '../api/objects.ts'
import type { DaemonSet, Deployment, Job, Metadata, ReplicaSet, StatefulSet } from '../api/objects.ts'
import type { OwnerRecord } from './owners.ts'

export type ControllerKind = Exclude<WorkloadKind, 'pod'>

/** What a list shows of a workload beyond its pods. */
export interface WorkloadRow {
  createdAt: Date
  /** Of the pod template: what the next pod will have. */
  labels: Readonly<Record<string, string>>
  image: string
  /** Pods that it wants to have. Absent for a job. */
  wanted?: number
  /** Why it has not what it wants, or that it is done, in the controller's words. */
  remark?: string
  /** A job that will start no pods any more. */
  isFinished: boolean
}

/** All that is kept of a workload. */
export interface WorkloadRecord extends OwnerRecord {
  kind: ControllerKind
  /** Absent for one that is only a step between a pod and the workload above it. */
  row?: WorkloadRow
}

/** Where the API has each kind (kubernetes.io, API reference). */
export const resources = {
  deployment: { group: '/apis/apps/v1', plural: 'deployments' },
  replicaset: { group: '/apis/apps/v1', plural: 'replicasets' },
  statefulset: { group: '/apis/apps/v1', plural: 'statefulsets' },
  daemonset: { group: '/apis/apps/v1', plural: 'daemonsets' },
  job: { group: '/apis/batch/v1', plural: 'jobs' },
} as const satisfies Record<ControllerKind, { group: string; plural: string }>

export const controllerKinds = Object.keys(resources) as ControllerKind[]

interface WorkloadObjects {
  deployment: Deployment
  replicaset: ReplicaSet
  statefulset: StatefulSet
  daemonset: DaemonSet
  job: Job
}
type WorkloadObject = WorkloadObjects[ControllerKind]

/** Cuts a workload down to what is needed. Pure. */
export function describeWorkload(kind: ControllerKind, json: object): WorkloadRecord {
  const object = json as WorkloadObject
  const { metadata, spec } = object
  const owner = ownerOf(metadata)
  const record: WorkloadRecord = {
    kind,
    uid: metadata?.uid ?? '',
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    ...(owner === undefined ? {} : { owner }),
  }
  // Deployments keep ten old replicasets each: of those, only whose they are matters.
  if (kind === 'replicaset' && owner !== undefined) return record
  const template = spec?.template
  const container = defaultOf(template?.metadata, template?.spec?.containers ?? [])
  return {
    ...record,
    row: {
      createdAt: new Date(metadata?.creationTimestamp ?? 0),
      labels: template?.metadata?.labels ?? {},
      image: container?.image ?? '',
      ...wishOf(kind, object),
    },
  }
}

function defaultOf<T extends { name: string }>(
  metadata: Metadata | undefined,
  containers: readonly T[],
): T | undefined {
  const annotated = metadata?.annotations?.['kubectl.kubernetes.io/default-container']
  return containers.find(({ name }) => name === annotated) ?? containers[0]
}

function wishOf(
  kind: ControllerKind,
  object: WorkloadObject,
): Pick<WorkloadRow, 'wanted' | 'remark' | 'isFinished'> {
  if (kind === 'job') return jobWish(object as Job)
  const remark = failureOf(object)
  const rest = { isFinished: false, ...(remark === undefined ? {} : { remark }) }
  if (kind === 'daemonset')
    return { wanted: (object as DaemonSet).status?.desiredNumberScheduled ?? 0, ...rest }
  return { wanted: (object as Deployment).spec?.replicas ?? 1, ...rest }
}

/** Such as a quota that lets it make no pods. */
function failureOf(object: WorkloadObject): string | undefined {
  const failed = object.status?.conditions?.find(
    ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
  )
  return failed?.message ?? failed?.reason
}

function jobWish({ spec, status }: Job): Pick<WorkloadRow, 'remark' | 'isFinished'> {
  const holds = (type: string) =>
    status?.conditions?.find((each) => each.type === type && each.status === 'True')
  if (holds('Complete') !== undefined) return { isFinished: true, remark: 'Completed' }
  const failed = holds('Failed')
  if (failed !== undefined) {
    const why = [failed.reason, failed.message].filter((part) => part !== undefined && part !== '').join(': ')
    return { isFinished: true, remark: why === '' ? 'Failed' : `Failed: ${why}` }
  }
  return spec?.suspend === true ? { isFinished: false, remark: 'Suspended' } : { isFinished: false }
}
