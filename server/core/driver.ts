import type { DebugContainer, DebugSpec } from './debug-container.ts'
import type { StartPhase, Profile } from './vocabulary.ts'
import type { Identity, IdentityWish, TargetProcesses } from './identity.ts'
import type { CommandStream, TerminalStream } from './streams.ts'
import type { Lookup, Target, TargetQuery } from './target.ts'
import type { TargetRef } from './target-ref.ts'

/** On whose behalf a driver acts: a cluster that is told decides by it, and names it in its own audit log. */
export interface Actor {
  subject: string
  groups: readonly string[]
}

/** What a start is doing now. Bytes are sums over the image's layers and may grow while layers are discovered. */
export interface StartProgress {
  phase: StartPhase
  /** The backend's own words for what it does or waits for, such as `Back-off pulling image "…"`. */
  detail?: string
  /** When something is in the way: what the user can do about it. */
  advice?: string
  pull?: { image: string; currentBytes: number; totalBytes: number; status: string }
}

/** A debug container that was opened, and the stream of what it runs. */
export interface Opened<Stream extends TerminalStream | CommandStream> {
  container: DebugContainer
  stream: Stream
  identity: Identity
  /** Digest or id of the toolbox image that really runs, once the backend tells; empty when it doesn't. Never rejects. */
  imageId: Promise<string>
  /** Shown to the user when the terminal opens. */
  notices: readonly string[]
  /** The same of every terminal there: who has read it once may be spared it. */
  standingNotices?: readonly string[]
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
   *
   * Nothing is pulled, begins to run or is changed in a cluster before `mayBegin` resolves; where it rejects, that is thrown. What goes
   * before may be done until then. Absent: it may at once.
   */
  open(
    spec: DebugSpec,
    target: Target,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
    mayBegin?: Promise<unknown>,
  ): Promise<Opened<TerminalStream>>
  /**
   * Like `open`, for the command of `spec` and without a terminal. None of its output is lost, however soon it ends, and it
   * is started once at most.
   */
  run(
    spec: DebugSpec,
    target: Target,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
    mayBegin?: Promise<unknown>,
  ): Promise<Opened<CommandStream>>
  /** Attaches again. Throws `session_ended` when the debug container no longer runs. */
  reattach(container: DebugContainer, signal: AbortSignal): Promise<TerminalStream>
}

/** What not every environment can do. Who asks for it elsewhere is refused. */
export interface DriverCapabilities {
  /** A session in a debug copy of its target, or in the target's network alone. */
  copies: boolean
}

/** One environment: a Docker host or a cluster. Throws only HatchwayError. */
export interface TargetDriver {
  readonly environment: string
  /** Of its references: what reaches another is no target of this environment. */
  readonly kind: TargetRef['kind']
  readonly capabilities: DriverCapabilities
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
