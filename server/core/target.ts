import type { Duplex } from 'node:stream'
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

/** As whom, and with which capabilities, the debug container runs, and why. */
export interface Identity {
  uid: number
  gid: number
  groups: readonly number[]
  /** Linux names without `CAP_`, sorted; `ALL` alone for a privileged container. */
  capabilities: readonly string[]
  /** True when `/proc/1/root` will be readable. */
  seesFiles: boolean
  /** Plain words for the user: what was chosen, and what will not work. */
  explanation: string
}

export type TargetState = 'running' | 'paused' | 'restarting' | 'created' | 'exited' | 'dead' | 'removing'

/** One container that can be debugged, as the backend describes it now. */
export interface Target {
  ref: TargetRef
  /** The full container id or pod uid: what a session stays bound to. */
  id: string
  name: string
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
  /** What a user should know before opening: paused, host network, privileged, and so on. */
  warnings: readonly string[]
  /** Set for a container that Hatchway itself started. */
  ownSession?: string
}

export interface TargetQuery {
  namespace?: string
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
  /** Run in place of the toolbox's shell, as argv. */
  command?: readonly string[]
}

/** Enough to find the debug container again after a restart. Stored as JSON. */
export interface DebugContainer {
  environment: string
  /** The full id. */
  id: string
  sessionId: string
  /** The id of the target that it shares namespaces with. */
  targetId: string
}

export type StartPhase = 'resolving' | 'pulling' | 'creating' | 'attaching'

/** What a start is doing now. Bytes are sums over the image's layers and may grow while layers are discovered. */
export interface StartProgress {
  phase: StartPhase
  pull?: { image: string; currentBytes: number; totalBytes: number; status: string }
}

/**
 * How a terminal came to its end.
 * `exit`: the shell ended by itself. `target-exited`: the target took its namespaces with it.
 * `disconnected`: the stream broke and the container may still run, so `reattach` is worth trying.
 */
export type TerminalEnd =
  | { kind: 'exit'; exitCode: number }
  | { kind: 'target-exited'; detail: string }
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
}

export interface OpenedTerminal {
  container: DebugContainer
  terminal: Terminal
  identity: Identity
  /** Digest or id of the toolbox image that really runs. */
  imageId: string
  /** Shown to the user when the terminal opens. */
  notices: readonly string[]
}

/** One environment: a Docker host or a cluster. Throws only HatchwayError. */
export interface TargetDriver {
  readonly environment: string
  readonly kind: TargetRef['kind']
  /** Resolves when the backend answers; throws `backend_unavailable` with what to do. */
  check(signal: AbortSignal): Promise<void>
  /** Every container there is, also those that are not running. Hatchway's own are marked, not hidden. */
  list(query: TargetQuery, signal: AbortSignal): Promise<Target[]>
  /** Resolves a name or id prefix. Throws `target_not_found` or `target_ambiguous`. */
  find(ref: TargetRef, signal: AbortSignal): Promise<Target>
  /** As whom a debug container with this profile would run. Reads only. Throws `profile_insufficient` when it can't be. */
  identify(target: Target, profile: Profile, signal: AbortSignal): Promise<Identity>
  /**
   * Pulls if needed, creates, attaches and starts. One call, because the order differs per backend.
   * When it throws or is aborted, nothing of it stays behind.
   */
  open(
    spec: DebugSpec,
    target: Target,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
  ): Promise<OpenedTerminal>
  /** Attaches again. Throws `session_ended` when the debug container no longer runs. */
  reattach(container: DebugContainer, signal: AbortSignal): Promise<Terminal>
  /** Idempotent; resolves when the debug process is gone. */
  stop(container: DebugContainer, signal: AbortSignal): Promise<void>
  /** Every debug container of this installation, running or not: the reaper's input. */
  listOwned(signal: AbortSignal): Promise<DebugContainer[]>
  /** Frees connections and watchers. */
  close(): void
}
