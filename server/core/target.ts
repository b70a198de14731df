import type { TargetFact } from './vocabulary.ts'
import type { TargetRef } from './target-ref.ts'
import type { TargetState, SessionScope, PodPick } from './vocabulary.ts'

/** One container of a pod, in the order of its specification. */
export interface PodContainer {
  name: string
  /** `sidecar`: an init container that goes on. `debug`: an ephemeral one, Hatchway's or another tool's. */
  kind: 'app' | 'sidecar' | 'init' | 'debug'
  image: string
  state: 'running' | 'waiting' | 'terminated'
  /** The kubelet's own words, such as `CrashLoopBackOff` or `exit code 137 (OOMKilled)`. */
  status: string
  ready: boolean
  restarts: number
  /** `uid:gid` when the runtime tells. */
  user?: string
}

/** One pod that a workload may be resolved to. */
export interface PodChoice {
  name: string
  state: TargetState
  status: string
  ready: boolean
  restarts: number
  node?: string
  createdAt: Date
}

/** What a target in a cluster is made of. */
export interface ClusterPlace {
  /** `<kind>/<name>` of the target itself (first), of its pod and of every workload above it: a rule about one is about all. */
  names: readonly string[]
  /** `<kind>/<name>` that the pod claims to be part of and that could not be verified: anybody who makes a pod can claim. */
  claims?: readonly string[]
  /** The pod that would be, or was, opened. Absent for a workload in a list. */
  pod?: string
  /** The container that would be, or was, opened: the one asked for, else the pod's default one. */
  container?: string
  containers: readonly PodContainer[]
  /** Sum over the containers. */
  restarts: number
  /** Pods of a workload, and how many of them are ready. */
  pods?: { total: number; ready: number }
  /** After a `find` by workload: why this pod was chosen, and all that could have been. */
  choice?: { explanation: string; pods: readonly PodChoice[] }
  /** After a `find` that has led to a pod: what a session there may share. */
  scopes?: readonly ScopeChoice[]
}

/** What can be debugged, as the backend describes it now: a container, a pod, or a workload that stands for its pods. */
export interface Target {
  ref: TargetRef
  /** The full container id or pod uid (for a workload in a list its own uid): what a session stays bound to. */
  id: string
  /** Of the container in Docker; of the pod or workload in Kubernetes. */
  name: string
  /** Absent in Docker. */
  cluster?: ClusterPlace
  image: string
  /** Digest or id of the image, when the backend tells. */
  imageId?: string
  state: TargetState
  /** The backend's own words, such as `Up 3 hours (healthy)`. */
  status: string
  createdAt: Date
  startedAt?: Date
  labels: Readonly<Record<string, string>>
  /** `uid:gid` of the live first process, else the configured user; absent when unknown. */
  user?: string
  /** Absent when it has not been found out yet. */
  hasShell?: boolean
  ports: readonly string[]
  node?: string
  /** What it has beyond what every container has. Absent when it has not been looked at yet, never after a `find`. */
  facts?: readonly TargetFact[]
  /** Facts that could not be found out. Absent: none. */
  unknownFacts?: readonly TargetFact[]
  /** What a user should know before opening: paused, host network, privileged, and so on. */
  warnings: readonly string[]
  /** Set for a container that Hatchway itself started. */
  ownSession?: string
}

export interface TargetQuery {
  namespace?: string
}

/** A scope that a backend knows. `problem`: why a session there cannot have it now. */
export interface ScopeChoice {
  scope: SessionScope
  problem?: string
}

export interface Lookup {
  /** Default `ready`. Means nothing for a pod and in Docker. */
  pick?: PodPick
}
