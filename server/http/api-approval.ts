import { approvalsGiven, type Approval, type BreakGlass } from '../core/approval.ts'
import type { ApprovalNeed, ApprovalTerms } from '../core/policy.ts'
import type {
  Approval as ApiApproval,
  ApprovalNeed as ApiNeed,
  ApprovalTerms as ApiTerms,
  BreakGlass as ApiBreakGlass,
} from '../protocol/approval-api.ts'
import { personOf } from '../core/same-person.ts'
import { withoutUndefined } from '../core/without-undefined.ts'

/** What a session waits, or waited, for. Whose groups an approver was in stays here. */
export function describeApproval({ outcome, needs, votes, plan, expiresAt }: Approval): ApiApproval {
  return {
    outcome,
    needs: needs.map((need) => ({ ...describeNeed(need), given: approvalsGiven(need, votes) })),
    votes: votes.map(({ decision, by, at, reason }) =>
      withoutUndefined({ decision, by: personOf(by), at: at.toISOString(), reason }),
    ),
    plan: { image: plan.image, maxDurationSeconds: Math.floor(plan.maxDurationMs / 1000) },
    expiresAt: expiresAt.toISOString(),
  }
}

export function describeBreakGlass({ needs, review }: BreakGlass): ApiBreakGlass {
  return withoutUndefined({
    needs: needs.map(describeNeed),
    review: review && {
      verdict: review.verdict,
      by: personOf(review.by),
      at: review.at.toISOString(),
      reason: review.reason,
    },
  })
}

export function describeTerms({ needs, breakGlass }: ApprovalTerms): ApiTerms {
  return { needs: needs.map(describeNeed), breakGlass }
}

function describeNeed({ rule, groups, count }: ApprovalNeed): ApiNeed {
  return { rule, groups: [...groups], count }
}
