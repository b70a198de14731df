/** The audit log under /api/v1. */
import { z } from 'zod'
import { cursor, limit, person, timestamp } from './fields.ts'
export const auditEvent = z.object({
  id: z.string(),
  at: timestamp,
  kind: z.string(),
  who: person.optional(),
  from: z.string().optional(),
  action: z.string().optional(),
  target: z.string().optional(),
  sessionId: z.string().optional(),
  rule: z.string().optional(),
  reason: z.string().optional(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
})
export type AuditEvent = z.infer<typeof auditEvent>

export const auditList = z.object({ items: z.array(auditEvent), next: z.string().optional() })
export type AuditList = z.infer<typeof auditList>

export const auditQuery = z.strictObject({
  kind: z.string().max(300).optional().describe('comma separated kinds'),
  user: z.string().max(255).optional().describe('subject; `me` for the caller'),
  issuer: z.string().max(500).optional().describe('of the user: subjects of two issuers are two people'),
  target: z.string().max(600).optional(),
  session: z.string().max(64).optional(),
  q: z.string().max(200).optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
  limit,
  cursor,
})

/** What the sign-in page needs before anyone is signed in. */
