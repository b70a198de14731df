import type { Session } from '../../server/protocol/session-api.ts'
import { refPath } from './api.ts'

/** Where the app shows a session's terminal. */
export function terminalPath(sessionId: string): string {
  return `/sessions/${encodeURIComponent(sessionId)}/terminal`
}

/** Where the app replays a session. */
export function replayPath(sessionId: string): string {
  return `/sessions/${encodeURIComponent(sessionId)}/replay`
}

/** The prepared form for the same session once more, or with another profile. */
export function openAgainPath(session: Session, change: { profile?: Session['profile'] } = {}): string {
  const query = new URLSearchParams()
  query.set('toolbox', session.toolbox)
  query.set('profile', change.profile ?? session.profile)
  if (session.process !== undefined) query.set('process', session.process)
  if (session.reason !== undefined) query.set('reason', session.reason)
  if (session.ticket !== undefined) query.set('ticket', session.ticket)
  return `/debug/${refPath(session.target.ref)}?${query}`
}
