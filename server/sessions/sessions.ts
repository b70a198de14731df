/** What the rest of the server sees of live sessions. */
import type { ReviewVerdict, SessionKindName } from '../core/vocabulary.ts'
import type { ApprovalNeed, ApprovalTerms, Grant, Principal } from '../core/policy.ts'
import type { LiveState, SessionDetail, SessionRow } from '../core/session.ts'
import type { EndReason } from '../core/vocabulary.ts'
import type { Toolbox } from '../core/debug-container.ts'
import type { Profile } from '../core/vocabulary.ts'
import type { TargetDriver } from '../core/driver.ts'
import type { Identity } from '../core/identity.ts'
import type { TerminalSize } from '../core/streams.ts'
import type { Target } from '../core/target.ts'
import type { PodPick } from '../core/vocabulary.ts'
import type { Session as ApiSession } from '../protocol/session-api.ts'
import type { KeptOutput } from './kinds/collected-output.ts'
import type { ClientMessage, Role, ServerMessage } from '../protocol/terminal.ts'

/** A start that policy has already allowed and narrowed. */
export interface OpenRequest {
  kind: SessionKindName
  detail: SessionDetail
  who: Principal
  /** Remote address, for the audit log. */
  from: string
  /** As asked. */
  ref: string
  target: Target
  driver: TargetDriver
  toolbox: Toolbox
  profile: Profile
  grant: Grant
  rules: readonly string[]
  reason?: string
  ticket?: string
  size: TerminalSize
  command?: readonly string[]
  /** Which pod of a workload was asked for. */
  pick?: PodPick
  /** In a debug copy of the target's pod. */
  copy?: boolean
  /** In the network of the target's pod alone. */
  networkOnly?: boolean
  /** The process of the target to debug, in place of the one that is found. */
  process?: string
  /** What policy asks for and this start does without. */
  breakGlass?: readonly ApprovalNeed[]
}

/** One viewer's socket, as the session sees it. Nothing here throws: a broken socket closes by itself. */
export interface ViewerSocket {
  send(message: ServerMessage): void
  sendBytes(bytes: Uint8Array): void
  close(code: number, reason: string): void
  /** Stop and go on reading what the viewer types. */
  pause(): void
  resume(): void
}

export interface JoinRequest {
  who: Principal
  from: string
  /** What the viewer asked for. A controller without the right to control becomes an observer. */
  role: Role
  mayControl: boolean
  /** Resume point: bytes of output that the viewer has already processed. */
  offset?: number
  /** The session as this caller may see it, for `hello`. */
  describe: () => ApiSession
}

/** One joined viewer. All calls are synchronous and safe after the session's end. */
export interface ViewerHandle {
  /** Bytes typed. Ignored, with one notice, from an observer. */
  input(bytes: Uint8Array): void
  control(message: ClientMessage): void
  /** The socket is gone. */
  leave(): void
}

export interface LiveSession {
  readonly row: SessionRow
  readonly state: LiveState
  /** Its end has begun: it tells its viewers itself why. */
  readonly ending: boolean
  /** Writes the audit event first; then `hello` and output go to the socket. Throws `session_ended`. */
  join(socket: ViewerSocket, request: JoinRequest): Promise<ViewerHandle>
}

/** Told what happens, for metrics and the log. Nothing here throws. */
export interface SessionObserver {
  started(environment: string, ms: number): void
  startFailed(environment: string, cause: unknown): void
  ended(reason: EndReason): void
  output(bytes: number): void
  /** Something of an end did not work. It is tried again until it does. */
  endFailed(sessionId: string, cause: unknown): void
}

/** What came of a command that was started: of its output, what is recorded, and of that the beginning. */
export interface RunOutcome {
  /** Ended; its recording is sealed. */
  row: SessionRow
  stdout: KeptOutput
  stderr: KeptOutput
}

export interface Sessions {
  /**
   * Writes audit event and row, then starts in the background and resolves with the row in state `starting`.
   * Throws `too_many_sessions`, `shutting_down`, `recording_failed`.
   */
  open(request: OpenRequest): Promise<SessionRow>
  /**
   * Runs what keeps its output, such as a command, and resolves when it has ended, in whatever way. `hungUp` ends it. Throws as
   * `open` does, and why it could not be started.
   */
  run(request: OpenRequest, hungUp: AbortSignal): Promise<RunOutcome>
  /** The live session of this process, from its request on until its end is stored. */
  live(id: string): LiveSession | undefined
  /** A session that is over, while the store does not say so yet: what it will say. */
  ended(id: string): SessionRow | undefined
  /** Whether there are such sessions. */
  readonly owesEnds: boolean
  /** Ends it, starting or running; resolves with the ended row. Throws `session_not_found` and `session_ended`. */
  terminate(id: string, by: { who: Principal; from: string; reason?: string }): Promise<SessionRow>
  /**
   * Judges every live session by the policy in force now, and ends those that their users could not open any more.
   * For a changed policy, and for each minute: rules may hold at some times only.
   */
  recheck(): void
  /**
   * The identity provider has described somebody anew: their sessions are judged by the groups that it names. A token is no such word:
   * whoever got hold of one with fewer groups, or of an old one, could end what others have open. It judges what it opens itself.
   */
  signedInAgain(who: Principal): void
  /** Live sessions of this process, those that wait for an approval included. */
  readonly liveCount: number
  /** Lets all viewers go with 1012, flushes recordings, keeps the debug containers for the next process. */
  drain(): Promise<void>
}

/** A start that policy allows once it was approved. */
export interface ApprovalRequest extends OpenRequest {
  terms: ApprovalTerms
  /** As whom it would run, when that can be told now. */
  identity?: Identity
}

/** Whose word it is. */
interface Approver {
  who: Principal
  /** Remote address, for the audit log. */
  from: string
}

/** Requests that wait for other people, and reviews of what did not wait. Every right is judged here, by the policy in force. */
export interface Approvals {
  /** Writes audit event and row, tells the approvers, and resolves with the row in state `pending-approval`. Throws as `Sessions.open` does. */
  request(request: ApprovalRequest): Promise<SessionRow>
  /** Starts without waiting, with an alarm to the approvers. Throws as `Sessions.open` does. */
  breakGlass(request: ApprovalRequest): Promise<SessionRow>
  /**
   * One approver's word; the last that is needed starts the session, a denial ends it. Throws `own_request`, `forbidden`,
   * `already_decided`, `session_not_found`.
   */
  decide(id: string, vote: Approver & { decision: 'approve' | 'deny'; reason?: string }): Promise<SessionRow>
  /** Throws `own_request`, `forbidden`, `already_decided`, `session_not_ready` before the end, `session_not_found`. */
  review(id: string, review: Approver & { verdict: ReviewVerdict; reason: string }): Promise<SessionRow>
}
