import type { Recordings } from '../../core/recording.ts'
import type { SessionLedger } from '../../core/session-ledger.ts'
import type { DebugSession } from './debug-session.ts'
import type { SessionEnding } from './end-session.ts'
import type { Screens } from '../terminal/screens.ts'
import type { SessionObserver } from '../sessions.ts'

/** What a session needs of the process that serves it, and tells it. */
export interface SessionDeps {
  store: SessionLedger
  recordings: Recordings
  screens: Screens
  observer: SessionObserver
  detachedGraceMs: number
  /** How long a broken stream to a container that may run on is tried again. */
  reattachForMs: number
  /** Whole start, with a pull. */
  startTimeoutMs: number
  /** It has a shell, of which nothing has been read yet. */
  onRunning: (session: DebugSession) => void
  /** An event of the session that comes after what it tells of: tried until the store has it. */
  oweEvent: (session: DebugSession, write: () => Promise<void>) => void
  /** The session is over. What of its end is not stored yet, `ending` owes. */
  onClosed: (session: DebugSession, ending: SessionEnding) => void
}
