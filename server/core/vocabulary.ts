/** The words that rows, policy files and the wire have in common: each list stands here once. Imports nothing, so that the web app can read it too. */

export const sessionStates = ['pending-approval', 'starting', 'running', 'ended'] as const
export type SessionState = (typeof sessionStates)[number]

export const endReasons = [
  'exit',
  'target-exited',
  'terminated',
  'idle',
  'expired',
  'denied',
  'failed',
  'recording-failed',
  'lost',
  'shutdown',
] as const
export type EndReason = (typeof endReasons)[number]

export const auditKinds = [
  'signed-in',
  'signed-out',
  'sign-in-failed',
  'denied',
  'opened',
  'started',
  'viewed',
  'controlled',
  'terminated',
  'ended',
  'adopted',
  'reaped',
  'recording-degraded',
  'played',
  'exported',
  'audit-read',
  'policy-loaded',
  'approval-requested',
  'approved',
  'approval-denied',
  'withdrawn',
  'break-glass',
  'reviewed',
  'policy-simulated',
  'policy-explained',
  'verified',
  'sample-started',
] as const
export type AuditKind = (typeof auditKinds)[number]

export const actions = [
  'list',
  'open',
  'watch',
  'terminate',
  'run',
  'read-recording',
  'read-audit',
  'approve',
] as const
export type Action = (typeof actions)[number]

/** What a session is: see sessions/kinds. */
export const sessionKinds = ['terminal', 'command'] as const
export type SessionKindName = (typeof sessionKinds)[number]

export const ruleEffects = ['allow', 'deny', 'require-approval'] as const
export type RuleEffect = (typeof ruleEffects)[number]

export const profiles = ['auto', 'general', 'baseline', 'restricted', 'netadmin', 'sysadmin'] as const
/** What the debug container may do: `kubectl debug`'s names and meaning, and `auto`, the least that can see the target. */
export type Profile = (typeof profiles)[number]

export const targetStates = [
  'running',
  'paused',
  'restarting',
  'created',
  'exited',
  'dead',
  'removing',
] as const
/** In a cluster, `restarting` is whatever can't stay up: in back-off, or unable to start. */
export type TargetState = (typeof targetStates)[number]

export const sessionScopes = ['container', 'network', 'copy'] as const
/**
 * What a session shares: a container's processes, files and network; the network of its pod alone, with no process and no
 * file of it; or those of a debug copy of the pod.
 */
export type SessionScope = (typeof sessionScopes)[number]

export const podPicks = ['ready', 'unready', 'crashing'] as const
/** Which pod of a workload is wanted. `ready` takes the newest ready one and says so when there is none. */
export type PodPick = (typeof podPicks)[number]

/** What a target has that a shell beside it comes to have, whatever its profile. */
export const targetFacts = [
  'privileged',
  'hostPid',
  'hostNetwork',
  'hostPath',
  'engineSocket',
  'extraCapabilities',
  'unconfined',
  'userNamespace',
] as const
export type TargetFact = (typeof targetFacts)[number]

export const workloadKinds = ['pod', 'deployment', 'statefulset', 'daemonset', 'job', 'replicaset'] as const
export type WorkloadKind = (typeof workloadKinds)[number]

export const approvalOutcomes = [
  'pending',
  'approved',
  'denied',
  'expired',
  'withdrawn',
  'not-needed',
  'void',
] as const
/** `not-needed`: policy has changed meanwhile and allows it without. `void`: it could not start any more, as when its target is gone. */
export type ApprovalOutcome = (typeof approvalOutcomes)[number]

export const reviewVerdicts = ['justified', 'unjustified'] as const
export type ReviewVerdict = (typeof reviewVerdicts)[number]

export const startPhases = ['resolving', 'pulling', 'creating', 'attaching'] as const
export type StartPhase = (typeof startPhases)[number]
