import type { Approval, BreakGlass } from './approval.ts'
import type { Action, SessionKindName } from './vocabulary.ts'
import type { EndCode } from './session-end.ts'
import type { RecordingSummary } from './recording.ts'
import type { Person } from './same-person.ts'
import type { TargetFact } from './vocabulary.ts'
import type { DebugContainer } from './debug-container.ts'
import type { Profile } from './vocabulary.ts'
import type { StartProgress } from './driver.ts'
import type { Identity } from './identity.ts'
import type { TerminalSize } from './streams.ts'
import type { PodPick } from './vocabulary.ts'
import type { SessionState, EndReason, AuditKind } from './vocabulary.ts'

export interface SessionEnd {
  reason: EndReason
  /** Why, more exactly, for programs. */
  code: EndCode
  exitCode?: number
  /** Who ended it, when a person did. */
  by?: Person
  /** Plain words: what happened. */
  detail?: string
  /** Of a start that was refused: the profiles that would be taken there, the one to offer first. */
  profiles?: readonly Profile[]
}

export type SessionDetail = Readonly<Record<string, string | number | boolean>>

/** One debug container, one terminal, n viewers. The row outlives the process that serves it. */
export interface SessionRow {
  id: string
  kind: SessionKindName
  /** What only sessions of its kind have, which alone reads it. Kept as JSON. */
  detail: SessionDetail
  state: SessionState
  target: {
    /** As asked. */
    ref: string
    name: string
    environment: string
    namespace?: string
    image: string
    labels: Readonly<Record<string, string>>
    /** In a cluster: every `<kind>/<name>` that a rule may speak of. */
    names?: readonly string[]
    resolved: {
      id: string
      pod?: string
      container?: string
      imageDigest?: string
      node?: string
      /** Workloads that the pod claimed to be part of, unverified. */
      claims?: readonly string[]
      /** As they were when it was asked for, or started. Absent in rows from before they were kept. */
      facts?: readonly TargetFact[]
      unknownFacts?: readonly TargetFact[]
    }
  }
  /** With the groups as they were when it was asked for: on whose behalf the session acts. */
  user: Person & { groups: readonly string[]; account?: string }
  toolbox: string
  profile: Profile
  /** What runs in place of the toolbox's shell, as argv. */
  command?: readonly string[]
  /** Which pod of a workload was asked for. */
  pick?: PodPick
  /** It runs in a debug copy of the target's pod. */
  copy?: boolean
  /** It shares the network of the target's pod, and no container's processes and files. */
  networkOnly?: boolean
  /** The process of the target that was asked for, in place of the one that is found. */
  process?: string
  identity?: Identity
  reason?: string
  ticket?: string
  size: TerminalSize
  requestedAt: Date
  startedAt?: Date
  endedAt?: Date
  end?: SessionEnd
  /** The moment at which policy ends it; while it waits for an approval, the moment at which the request expires. */
  deadline: Date
  idleTimeoutMs: number
  recordInput: boolean
  /** Nobody else may have a session in the target meanwhile. */
  exclusive?: boolean
  recordingMode: 'strict' | 'best-effort'
  /** The rules that allowed it. */
  rules: readonly string[]
  /** What policy asked for before it could start, and what the approvers said. */
  approval?: Approval
  /** It was started without the approval that policy asks for. */
  breakGlass?: BreakGlass
  container?: DebugContainer
  recording?: RecordingSummary
}

/** What only the serving process knows about a live session. */
export interface LiveState {
  progress?: StartProgress
  viewers: readonly ViewerInfo[]
}

export interface ViewerInfo extends Person {
  id: string
  role: 'controller' | 'observer'
}

/** Written before its effect takes place. */
export interface AuditEvent {
  /** Sortable (UUIDv7); given by the store. */
  id: string
  at: Date
  kind: AuditKind
  /** Absent for what the gateway does by itself. */
  who?: Person
  /** Remote address. */
  from?: string
  action?: Action
  target?: string
  sessionId?: string
  /** The rules that decided, comma separated. */
  rule?: string
  /** Why, in the user's or the gateway's words. */
  reason?: string
  detail?: Readonly<Record<string, string | number | boolean>>
}
