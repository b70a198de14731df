/** Approvals are kept as JSON, whose times are texts. */
import type { Approval, ApprovalVote, BreakGlass } from '../core/approval.ts'

/** JSON gives what it was given, but for the times. */
type Stored<T> = Omit<T, 'at'> & { at: string }

export function readApproval(text: string): Approval {
  const { votes, expiresAt, ...rest } = JSON.parse(text) as Omit<Approval, 'votes' | 'expiresAt'> & {
    votes: Stored<ApprovalVote>[]
    expiresAt: string
  }
  const dated = votes.map((vote) => ({ ...vote, at: new Date(vote.at) }))
  return { ...rest, votes: dated, expiresAt: new Date(expiresAt) }
}

export function readBreakGlass(text: string): BreakGlass {
  const { review, ...rest } = JSON.parse(text) as Omit<BreakGlass, 'review'> & {
    review?: Stored<NonNullable<BreakGlass['review']>>
  }
  return review === undefined ? rest : { ...rest, review: { ...review, at: new Date(review.at) } }
}
