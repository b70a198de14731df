/** The objects of the Kubernetes API as they are in JSON. */
import type {
  V1Container,
  V1ContainerStatus,
  V1DaemonSet,
  V1Deployment,
  V1Job,
  V1ObjectMeta,
  V1Pod,
  V1PodSpec,
  V1ReplicaSet,
  V1StatefulSet,
} from '@kubernetes/client-node'
import { readText } from '../../shared/read-json.ts'

/** A type of the client library as it comes over the wire: a date is text. */
export type Wire<T> = T extends Date
  ? string
  : T extends (infer E)[]
    ? Wire<E>[]
    : T extends object
      ? { [K in keyof T]: Wire<T[K]> }
      : T

export type Metadata = Wire<V1ObjectMeta>
export type Pod = Wire<V1Pod>
export type PodSpec = Wire<V1PodSpec>
export type Container = Wire<V1Container>
export type ContainerStatus = Wire<V1ContainerStatus>
export type Deployment = Wire<V1Deployment>
export type StatefulSet = Wire<V1StatefulSet>
export type DaemonSet = Wire<V1DaemonSet>
export type Job = Wire<V1Job>
export type ReplicaSet = Wire<V1ReplicaSet>

/** The controller that an object says it belongs to. A claim: whoever writes the object writes it. */
export interface Owner {
  /** Of the API, in small letters, as in a target reference. */
  kind: string
  name: string
  uid: string
}

/** What an object says of the controller that made it. */
export function ownerOf(metadata: Metadata | undefined): Owner | undefined {
  const reference = metadata?.ownerReferences?.find(({ controller }) => controller === true)
  if (reference === undefined) return undefined
  const [kind, name, uid] = [reference.kind, reference.name, reference.uid].map(readText)
  return { kind: kind?.toLowerCase() ?? '', name: name ?? '', uid: uid ?? '' }
}
