import type { Duplex, Readable } from 'node:stream'
import type { TargetFact } from './target-facts.ts'
import type { TargetRef } from './target-ref.ts'

/** Columns and rows of a terminal, each from 2 to 1000. */
export interface TerminalSize {
  cols: number
  rows: number
}

export const profiles = ['auto', 'general', 'baseline', 'restricted', 'netadmin', 'sysadmin'] as const
/** What the debug container may do: `kubectl debug`'s names and meaning, and `auto`, the least that can see the target. */
export type Profile = (typeof profiles)[number]

/** A named, allow-listed image with the tools. */
export interface Toolbox {
  name: string
  image: string
  /** The interactive shell, as argv. `/bin/sh` must exist too: it starts the shell and holds its deadline. */
  shell: readonly string[]
  /** Sent to the registry when the image has to be pulled. */
  registryAuth?: { username: string; password: string }
}

/** What is debugged where that is not a target's first process: below an init, which only looks after others, or chosen. */
export interface DebuggedProcess {
  name: string
  /** `uid:gid`. Absent in rows from before it was kept. */
  user?: string
  /** Among the target's own processes, where that can be told. */
  pid?: number
  /** The name of the first process, where that is an init. */
  init?: string
  /** How many more the init looks after; of a chosen one, how many more there are. */
  others: number
  /** Somebody asked for it. */
  chosen?: boolean
}

/** A process of a target that can be asked for. */
export interface TargetProcess {
  /** By which it is asked for. */
  process: string
  /** Printable, and not long. */
  name: string
  /** Among the target's own processes, where that can be told. */
  pid?: number
  /** `uid:gid`. */
  user: string
  /** It is the one that is debugged unless another is asked for. */
  found: boolean
}

/** The first of them, and how many there are. */
export interface TargetProcesses {
  items: readonly TargetProcess[]
  total: number
}

/** A process that is asked for in place of the one that is found. */
export interface ProcessWish {
  /** Its number as the container sees it, or the name of its program. */
  asked: string
  /** What approvers were shown: whatever has that number now, no other will do. */
  approved?: { name: string; user: string }
}

/** As whom, and with which capabilities, the debug container runs, and why. */
export interface Identity {
  uid: number
  gid: number
  groups: readonly number[]
  /** Linux names without `CAP_`, sorted; `ALL` alone for a privileged container. */
  capabilities: readonly string[]
  /** True when the target's files will be readable. */
  seesFiles: boolean
  /** Whose user decided. Absent: the target's first process. */
  process?: DebuggedProcess
  /** Plain words for the user: what was chosen, and what will not work. */
  explanation: string
}

/** On whose behalf a driver acts: a cluster that is told decides by it, and names it in its own audit log. */
export interface Actor {
  subject: string
  groups: readonly string[]
}

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

export const sessionScopes = ['container', 'network', 'copy'] as const
/**
 * What a session shares: a container's processes, files and network; the network of its pod alone, with no process and no
 * file of it; or those of a debug copy of the pod.
 */
export type SessionScope = (typeof sessionScopes)[number]

/** A scope that a backend knows. `problem`: why a session there cannot have it now. */
export interface ScopeChoice {
  scope: SessionScope
  problem?: string
}

export const podPicks = ['ready', 'unready', 'crashing'] as const
/** Which pod of a workload is wanted. `ready` takes the newest ready one and says so when there is none. */
export type PodPick = (typeof podPicks)[number]

export interface Lookup {
  /** Default `ready`. Means nothing for a pod and in Docker. */
  pick?: PodPick
}

/** Everything a driver needs to start one debug container. Policy has already narrowed it. */
export interface DebugSpec {
  sessionId: string
  /** Whose sessions these are: a reaper touches only its own installation's containers. */
  installation: string
  /** The principal's subject, for the container's labels. */
  user: string
  toolbox: Toolbox
  profile: Profile
  size: TerminalSize
  /** The debug container kills itself this long after its start, gateway or not. */
  maxDurationMs: number
  /**
   * The target's facts that policy has judged. A target that turns out to have others that give power is refused with
   * `profile_insufficient`. Absent: none were.
   */
  facts?: readonly TargetFact[]
  /** Run in place of the toolbox's shell, as argv. */
  command?: readonly string[]
  /**
   * The directory to begin in, absolute as the debug container sees it; `$TARGET` at its beginning is the target's root.
   * Absent: a home that can be written to.
   */
  cwd?: string
  /**
   * Open in a debug copy of the target's pod, whose containers do not run their own commands: for one that crashes or has
   * finished. The copy goes away with the session. Docker knows no copies and throws `invalid_request`.
   */
  copy?: boolean
  /** Join no container, only the pod's network: for one whose containers do not run. Docker throws `invalid_request`. */
  networkOnly?: boolean
  /** The process to debug. A cluster shows nobody the processes of a pod, and throws `invalid_request`. */
  process?: ProcessWish
}

/** What of a wish decides as whom a debug container runs and what it sees. */
export interface IdentityWish {
  /** `container` without one. */
  scope?: SessionScope
  /** As `asked` of {@link ProcessWish}. */
  process?: string
}

/** Enough to find the debug container again after a restart. Stored as JSON. */
export interface DebugContainer {
  environment: string
  /** The full container id; `<namespace>/<pod>/<container>` in a cluster. */
  id: string
  sessionId: string
  /** The id of the target that it shares namespaces with; in a cluster `<pod uid>/<container>`, which is empty for the network alone. */
  targetId: string
}

export type StartPhase = 'resolving' | 'pulling' | 'creating' | 'attaching'

/** What a start is doing now. Bytes are sums over the image's layers and may grow while layers are discovered. */
export interface StartProgress {
  phase: StartPhase
  /** The backend's own words for what it does or waits for, such as `Back-off pulling image "…"`. */
  detail?: string
  /** When something is in the way: what the user can do about it. */
  advice?: string
  pull?: { image: string; currentBytes: number; totalBytes: number; status: string }
}

/**
 * How a terminal came to its end.
 * `exit`: the shell ended by itself. `target-exited`: the target took its namespaces with it.
 * `removed`: somebody ended the debug container beside the gateway.
 * `disconnected`: the stream broke and the container may still run, so `reattach` is worth trying.
 */
export type TerminalEnd =
  | { kind: 'exit'; exitCode: number; outOfMemory?: boolean }
  | { kind: 'target-exited'; detail: string }
  | { kind: 'removed'; detail: string }
  | { kind: 'disconnected'; detail: string }

/** One attached tty. Bytes, never strings; `io` carries backpressure both ways. */
export interface Terminal {
  readonly io: Duplex
  /** Rejects when the container is gone. */
  resize(size: TerminalSize): Promise<void>
  /** Resolves after the last byte of output was delivered. Never rejects. */
  readonly ended: Promise<TerminalEnd>
  /** Lets go of the stream and leaves the debug container running. */
  detach(): void
  /** Calls back, once at most, when what the terminal depends on is about to go, with words for its viewers. */
  onWarning?(listener: (words: string) => void): void
}

/** A piece of what a command wrote. */
export interface CommandOutput {
  stream: 'stdout' | 'stderr'
  bytes: Uint8Array
}

/** A command without a terminal: its input is empty, and its two streams of output are told apart. */
export interface RunningCommand {
  /** Objects, each a {@link CommandOutput}, in the order in which they came. Carries backpressure; emits no error. */
  readonly output: Readable
  /** Resolves after the last byte of output was delivered. Never rejects. */
  readonly ended: Promise<TerminalEnd>
  /** Lets go of the stream: nobody can take it up again. */
  detach(): void
}

/** What is known of a debug container that was opened. */
export interface Opened {
  container: DebugContainer
  identity: Identity
  /** Digest or id of the toolbox image that really runs, once the backend tells; empty when it doesn't. Never rejects. */
  imageId: Promise<string>
  /** Shown to the user when the terminal opens. */
  notices: readonly string[]
  /** The same of every terminal there: who has read it once may be spared it. */
  standingNotices?: readonly string[]
}

export interface OpenedTerminal extends Opened {
  terminal: Terminal
}

export interface OpenedCommand extends Opened {
  command: RunningCommand
}

/** What one person can reach and do in an environment. Throws only HatchwayError. */
export interface TargetAccess {
  /** Everything there is that the actor may see, also what does not run. Hatchway's own are marked, not hidden. */
  list(query: TargetQuery, signal: AbortSignal): Promise<readonly Target[]>
  /** Resolves a name, an id prefix or a workload. Throws `target_not_found` or `target_ambiguous`. */
  find(ref: TargetRef, lookup: Lookup, signal: AbortSignal): Promise<Target>
  /**
   * As whom a debug container with this profile would run, and what it would see. Changes nothing. Throws
   * `profile_insufficient` when it can't be, `process_not_found` for a process that is not there.
   */
  identify(target: Target, profile: Profile, signal: AbortSignal, wish?: IdentityWish): Promise<Identity>
  /** The processes of a target that runs, to choose from. Absent, or undefined: they can't be told before a start. */
  processes?(target: Target, signal: AbortSignal): Promise<TargetProcesses | undefined>
  /**
   * Pulls if needed, creates, attaches and starts. One call, because the order differs per backend.
   * When it throws or is aborted, nothing of it goes on running.
   */
  open(
    spec: DebugSpec,
    target: Target,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
  ): Promise<OpenedTerminal>
  /**
   * Like `open`, for the command of `spec` and without a terminal. None of its output is lost, however soon it ends, and it
   * is started once at most.
   */
  run(
    spec: DebugSpec,
    target: Target,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
  ): Promise<OpenedCommand>
  /** Attaches again. Throws `session_ended` when the debug container no longer runs. */
  reattach(container: DebugContainer, signal: AbortSignal): Promise<Terminal>
}

/** One environment: a Docker host or a cluster. Throws only HatchwayError. */
export interface TargetDriver {
  readonly environment: string
  readonly kind: TargetRef['kind']
  /** Acts for this person, where the backend can tell people apart; elsewhere as the gateway. */
  as(actor: Actor): TargetAccess
  /** Resolves when the backend answers; throws `backend_unavailable` with what to do. */
  check(signal: AbortSignal): Promise<void>
  /** What is missing from its lists, and what in them may be out of date, though it answers. Absent: never anything. */
  problems?(): string[]
  /** Idempotent; resolves when the debug process is gone. */
  stop(container: DebugContainer, signal: AbortSignal): Promise<void>
  /** Every debug container of this installation that is left, running or not: the reaper's input. */
  listOwned(signal: AbortSignal): Promise<DebugContainer[]>
  /** Frees connections and watchers. */
  close(): void
}
