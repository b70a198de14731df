import type { Session } from '../../server/protocol/session-api.ts'
import { shortMoment } from '../lib/format.ts'

type Told = Pick<Session, 'target' | 'reason' | 'requestedAt'>

/**
 * One for each session, in their order: what tells it from the others in a target of the same name. That is its reason, or when it was
 * opened if that is no help; undefined where the name is enough.
 */
export function tabNotes(sessions: readonly Told[], now: number): (string | undefined)[] {
  return sessions.map((session) => {
    const alike = sessions.filter((other) => other !== session && other.target.name === session.target.name)
    if (alike.length === 0) return undefined
    const isTold = session.reason !== undefined && !alike.some((other) => other.reason === session.reason)
    return isTold ? session.reason : shortMoment(session.requestedAt, now)
  })
}
