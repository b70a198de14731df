import type { ApprovalOutcome } from '../core/vocabulary.ts'
import type { ApprovalNeed, Grant, PolicyRequest, Principal } from '../core/policy.ts'
import type { SessionRow } from '../core/session.ts'

/** Whether a request may start, with the approvals that it has. */
export type Judgement =
  | { ready: true; grant: Grant; rules: readonly string[]; outcome: ApprovalOutcome }
  | { ready: false; needs: readonly ApprovalNeed[] }

/** What policy says of sessions at one moment, asked again and again while they wait and live. server/gateway answers. */
export interface SessionJudge {
  /** Why its user may not have a session like this one any more, in words; undefined: they may. `who` may be newer than the row. */
  objection(row: SessionRow, who?: PolicyRequest['who']): string | undefined
  /** Whether its user might have it with the strongest of the profiles, too. */
  mayBePrivileged(row: SessionRow): boolean
  mayWatch(who: PolicyRequest['who'], row: SessionRow): boolean
  /** Whether they are one of those whom policy asks for a word on it. */
  mayApprove(who: Principal, row: SessionRow): boolean
  /** Throws `forbidden` when policy denies the request. */
  request(row: SessionRow): Judgement
}
