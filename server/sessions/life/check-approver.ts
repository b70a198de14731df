import { HatchwayError } from '../../core/errors.ts'
import type { ApprovalNeed, Principal } from '../../core/policy.ts'
import { maySamePerson } from '../../core/same-person.ts'
import type { SessionRow } from '../../core/session.ts'
import type { SessionLedger } from '../../core/session-ledger.ts'
import type { SessionJudge } from '../session-judge.ts'
import { auditSession } from './session-audit.ts'

export interface ApproverDeps {
  store: SessionLedger
  /** What policy says at a moment. */
  judge: (at: Date) => SessionJudge
}

/** Throws `own_request` or `forbidden`, after the refusal is in the audit log. */
export async function checkApprover(
  { store, judge }: ApproverDeps,
  row: SessionRow,
  { who, from }: { who: Principal; from: string },
): Promise<void> {
  const own = maySamePerson(who, row.user)
  if (!own && judge(new Date()).mayApprove(who, row)) return
  const needs = row.approval?.needs ?? row.breakGlass?.needs ?? []
  const words = own
    ? 'This is your own request: somebody else has to decide on it.'
    : `Policy does not let you decide on this: it takes the right to approve there, and membership in ${inWords(needs)}.`
  await auditSession(store, row, { kind: 'denied', who, from, action: 'approve', reason: words })
  throw new HatchwayError(own ? 'own_request' : 'forbidden', words)
}

/** `2 of leads, security`, for people. */
export function inWords(needs: readonly ApprovalNeed[]): string {
  return needs.map(({ groups, count }) => `${count} of ${groups.join(', ')}`).join(' and ')
}
