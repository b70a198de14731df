import { HatchwayError } from '../../core/errors.ts'
import { isSamePerson } from '../../core/same-person.ts'
import type { SessionRow } from '../../core/session.ts'

export interface SessionLimits {
  sessions: number
  sessionsPerUser: number
}

/** Throws `too_many_sessions` when these are as many as there may be. */
export function requireWithin(
  { sessions, sessionsPerUser }: SessionLimits,
  rows: readonly SessionRow[],
  who: SessionRow['user'],
): void {
  if (rows.length >= sessions) {
    throw new HatchwayError(
      'too_many_sessions',
      `All ${sessions} sessions of this gateway are in use; end one first.`,
    )
  }
  const own = rows.filter(({ user }) => isSamePerson(user, who)).length
  if (own >= sessionsPerUser) {
    throw new HatchwayError(
      'too_many_sessions',
      `You already have ${own} live sessions, the most allowed; end one first.`,
    )
  }
}
