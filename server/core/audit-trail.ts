import type { NewAuditEvent } from './audit-log.ts'

/** Who did what. What an event tells of comes after it: `record` resolves when it is on the disk, and rejects as the log does. */
export interface AuditTrail {
  record(event: NewAuditEvent): Promise<void>
}
