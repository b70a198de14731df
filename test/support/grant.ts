import type { Grant } from '../../server/core/policy.ts'

/** What policy leaves of a start that nobody narrows: an hour, a quarter of it idle. */
export const grant: Grant = {
  profiles: ['auto', 'general'],
  requireReason: false,
  requireTicket: false,
  reasonPatterns: [],
  ticketPatterns: [],
  copies: false,
  maxDurationMs: 3_600_000,
  idleTimeoutMs: 900_000,
  recordInput: false,
  exclusive: false,
  recording: 'strict',
}
