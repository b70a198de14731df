/** The only writer of the audit log: lint refuses `appendAudit` outside of server/gateway and server/store. */
import type { AuditTrail } from '../core/audit-trail.ts'
import type { Action } from '../core/vocabulary.ts'
import { personOf } from '../core/same-person.ts'
import type { AuditLog } from '../core/audit-log.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { shownCommand } from '../protocol/shown-command.ts'
import type { Caller } from './caller.ts'

export function createAuditTrail(log: Pick<AuditLog, 'appendAudit'>): AuditTrail {
  return {
    record: async (event) => {
      await log.appendAudit(event)
    },
  }
}

export interface Refusal {
  caller: Caller
  action: Action
  /** The reference, as asked. */
  target?: string
  sessionId?: string
  rules?: readonly string[]
  reason?: string
  /** What was to run, as argv. */
  command?: readonly string[]
}

/** Writes the `denied` event; what is answered comes after it. */
export async function auditDenied(audit: AuditTrail, refusal: Refusal): Promise<void> {
  const { caller, action, target, sessionId, rules = [], reason, command } = refusal
  await audit.record(
    withoutUndefined({
      kind: 'denied' as const,
      who: personOf(caller.who),
      from: caller.from,
      action,
      target,
      sessionId,
      rule: rules.length === 0 ? undefined : rules.join(', '),
      reason,
      detail: command && { command: shownCommand(command).slice(0, 500) },
    }),
  )
}
