/** What the rest of the server sees of live sessions. */
import type { Grant, Principal } from '../core/policy.ts'
import type { EndReason, LiveState, SessionRow } from '../core/session.ts'
import type { Profile, Target, TargetDriver, TerminalSize, Toolbox } from '../core/target.ts'
import type { Session as ApiSession } from '../protocol/api.ts'
import type { ClientMessage, Role, ServerMessage } from '../protocol/terminal.ts'

/** A start that policy has already allowed and narrowed. */
export interface OpenRequest {
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
  /** In a debug copy of the target's pod. */
  copy?: boolean
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
  /** Writes the audit event first; then `hello` and output go to the socket. Throws `session_ended`. */
  join(socket: ViewerSocket, request: JoinRequest): Promise<ViewerHandle>
}

/** Told what happens, for metrics and the log. Nothing here throws. */
export interface SessionObserver {
  started(environment: string, ms: number): void
  startFailed(environment: string, cause: unknown): void
  ended(reason: EndReason): void
  output(bytes: number): void
  /** Something of an end did not work; the reaper or the next start of the gateway comes back to it. */
  endFailed(sessionId: string, cause: unknown): void
}

export interface Sessions {
  /**
   * Writes audit event and row, then starts in the background and resolves with the row in state `starting`.
   * Throws `too_many_sessions`, `shutting_down`, `recording_failed`.
   */
  open(request: OpenRequest): Promise<SessionRow>
  /** The live session of this process, from its request on until its end is stored. */
  live(id: string): LiveSession | undefined
  /** Ends it, starting or running; resolves with the ended row. Throws `session_not_found` and `session_ended`. */
  terminate(id: string, by: { who: Principal; from: string; reason?: string }): Promise<SessionRow>
  /** Live sessions of this process. */
  readonly liveCount: number
  /** Lets all viewers go with 1012, flushes recordings, keeps the debug containers for the next process. */
  drain(): Promise<void>
}
