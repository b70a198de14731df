/**
 * The terminal WebSocket, subprotocol `hatchway.v1`: docs/terminal-protocol.md is its normative text.
 * Binary frame = terminal bytes. Text frame = one of the JSON messages below.
 */
import type { Session, SessionEnd, StartProgress, TerminalSize, Viewer } from './session-api.ts'

export const subprotocol = 'hatchway.v1'

/** Bytes. The invariant `ackStep <= lowWater < highWater` keeps a paused session from sticking. */
export const flow = {
  /** Reading from the container pauses above this many bytes that the controller has not acknowledged, … */
  highWater: 256 * 1024,
  /** … and goes on at this many. */
  lowWater: 64 * 1024,
  /** After an interrupt this much may be unacknowledged; what comes above it is not shown. */
  skipAbove: 512 * 1024,
  /** Clients acknowledge after processing this many bytes. */
  ackStep: 32 * 1024,
  /** Output kept in memory per session to resume from. */
  ring: 1024 * 1024,
  /** An observer this far behind is reset to a screen snapshot. */
  observerHighWater: 512 * 1024,
  /** The largest frame that the server accepts; clients split their input. */
  maxFrame: 64 * 1024,
} as const

/** 4000 + an HTTP status; 1012 asks to reconnect. */
export const closeCodes = {
  /** The gateway restarts: reconnect with the offset. */
  restart: 1012,
  badRequest: 4400,
  /** The token expired: sign in again; the session goes on. */
  expired: 4401,
  /** Policy no longer allows it. */
  revoked: 4403,
  /** Somebody took control: reconnect as an observer or take it back. */
  controlTaken: 4409,
  /** The session ended; an `exit` message said why. */
  ended: 4410,
  /** Too slow for too long: reconnect with the offset. */
  tooSlow: 4429,
} as const

export type Role = 'controller' | 'observer'

export type ServerMessage =
  /** First. Output starts at `offset`; bytes before `liveFrom` were shown before, so queries in them must not be answered. */
  | { type: 'hello'; session: Session; role: Role; offset: number; liveFrom: number; size: TerminalSize }
  /** While the session starts, and whenever its state changes. */
  | { type: 'state'; state: Session['state']; progress?: StartProgress }
  /** Clear the terminal; the next `snapshotBytes` binary bytes draw the screen and don't count; then live output from `offset`. */
  | { type: 'reset'; offset: number; size: TerminalSize; snapshotBytes: number }
  | { type: 'resize'; size: TerminalSize }
  /** `self` is the receiver's own id in the list. */
  | { type: 'viewers'; viewers: Viewer[]; self: string }
  /** `standing`: it says the same in every session there, and need not be shown to who has read it. */
  | { type: 'notice'; level: 'info' | 'warning' | 'error'; text: string; standing?: true }
  | { type: 'exit'; end: SessionEnd }
  | { type: 'pong'; id: number }

export type ClientMessage =
  /** The same as a binary frame, for clients that can send only text. */
  | { type: 'input'; data: string }
  | { type: 'resize'; size: TerminalSize }
  | { type: 'ack'; offset: number }
  | { type: 'ping'; id: number }
  | { type: 'take-control' }
