import { endKnownRequests } from './ended-requests.ts'
import { findLeftSessions, recoverSessions, type RecoveryOptions } from './recovery.ts'

/** All that an earlier process left. No request of it starts beside a session that is still to be taken over. Never rejects. */
export async function takeUp(
  recovery: RecoveryOptions,
  approvals: { restore(signal: AbortSignal): Promise<void> },
  signal: AbortSignal,
): Promise<void> {
  const left = findLeftSessions(recovery, signal)
  const requests = endKnownRequests(recovery)
    .then(() => left)
    .then(() => approvals.restore(signal))
  await Promise.all([requests, recoverSessions(recovery, signal, left)])
}
