/** Who reads the audit log, which leaves a trace in it. */
import type { AuditTrail } from '../core/audit-trail.ts'
import { HatchwayError } from '../core/errors.ts'
import type { Policy } from '../core/policy.ts'
import { personOf } from '../core/same-person.ts'
import { type AuditEvent } from '../core/session.ts'
import { auditKinds } from '../core/vocabulary.ts'
import type { AuditLog, AuditQuery } from '../core/audit-log.ts'
import type { Page } from '../core/page.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { auditDenied } from './audit-trail.ts'
import type { Caller } from './caller.ts'
import { knownWords } from './known-words.ts'
import type { PersonBudgets } from './person-budgets.ts'
import { personQuery } from './person-query.ts'

export interface AuditLogDeps {
  policy: () => Policy
  store: Pick<AuditLog, 'listAudit'>
  audit: AuditTrail
  budgets: Pick<PersonBudgets, 'listPages'>
}

export interface AuditListInput extends Omit<AuditQuery, 'kinds'> {
  /** Unchecked words. */
  kinds?: readonly string[]
}

export interface AuditLogCases {
  /**
   * Newest first. `asked` is the question in the caller's own words, for the trail. Ends when `signal` does. Throws `forbidden`,
   * audited.
   */
  list(
    caller: Caller,
    input: AuditListInput,
    asked: NonNullable<AuditEvent['detail']>,
    signal: AbortSignal,
  ): Promise<Page<AuditEvent>>
}

export function createAuditLogCases({ policy, store, audit, budgets }: AuditLogDeps): AuditLogCases {
  return {
    async list(caller, { kinds, user, issuer, ...rest }, asked, signal) {
      const { who, from } = caller
      const decision = policy().decide({ who, action: 'read-audit' })
      if (decision.effect === 'deny') {
        await auditDenied(audit, { caller, action: 'read-audit', rules: decision.rules })
        throw new HatchwayError(decision.code, decision.explanation)
      }
      const query = withoutUndefined({
        ...rest,
        kinds: kinds && knownWords('kind', kinds, auditKinds),
        ...personQuery(who, { user, issuer }),
      })
      await audit.record({
        kind: 'audit-read',
        who: personOf(who),
        from,
        action: 'read-audit',
        rule: decision.rules.join(', '),
        detail: asked,
      })
      return await store.listAudit(query, { goOn: () => budgets.listPages.spend(who), signal })
    },
  }
}
