import type { ApprovalNeed, Principal } from './policy.ts'
import { maySamePerson, type Person } from './same-person.ts'
import type { ApprovalOutcome, ReviewVerdict } from './vocabulary.ts'

/** What one approver said. */
export interface ApprovalVote {
  decision: 'approve' | 'deny'
  by: Pick<Principal, 'subject' | 'name' | 'issuer' | 'account' | 'groups'>
  at: Date
  /** Always there with a denial. */
  reason?: string
}

/** What would run, as the approvers were shown it. It starts as this or not at all. */
export interface ApprovalPlan {
  /** Of the toolbox. */
  image: string
  maxDurationMs: number
}

/** An approval is for one session of one target. Kept with the session, so that a request survives a restart. */
export interface Approval {
  outcome: ApprovalOutcome
  /** As policy says now, while the request waits. */
  needs: readonly ApprovalNeed[]
  votes: readonly ApprovalVote[]
  plan: ApprovalPlan
  expiresAt: Date
}

/** A session that did not wait for its approval. Somebody who could have approved it has to look at it afterwards. */
export interface BreakGlass {
  needs: readonly ApprovalNeed[]
  review?: {
    verdict: ReviewVerdict
    by: Person
    at: Date
    reason: string
  }
}

/** How many of the people that a need asks for have approved. One person counts once, and for each need whose group they are in. */
export function approvalsGiven(need: ApprovalNeed, votes: readonly ApprovalVote[]): number {
  const people: ApprovalVote['by'][] = []
  for (const { decision, by } of votes) {
    const counts = decision === 'approve' && need.groups.some((group) => by.groups.includes(group))
    if (counts && !people.some((other) => maySamePerson(other, by))) people.push(by)
  }
  return people.length
}

/** No needs are never met: an empty set of approvers must not mean anyone. */
export function needsAreMet(needs: readonly ApprovalNeed[], votes: readonly ApprovalVote[]): boolean {
  return needs.length > 0 && needs.every((need) => approvalsGiven(need, votes) >= Math.max(1, need.count))
}
