/** Approvals in plain words. Pure. */
import type { Session } from '../../server/protocol/session-api.ts'
import type { Approval, ApprovalNeed } from '../../server/protocol/approval-api.ts'

type Tally = Approval['needs'][number]

/** `one person of leads`, `2 people of leads or security`. */
export function needInWords({ groups, count }: ApprovalNeed): string {
  const of = new Intl.ListFormat('en', { type: 'disjunction' }).format(groups)
  return `${count === 1 ? 'one person' : `${count} people`} of ${of}`
}

/** All of them: `one person of leads and 2 people of security`. */
export function needsInWords(needs: readonly ApprovalNeed[]): string {
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(needs.map(needInWords))
}

/** `1 of 2 approvals from leads`. */
export function tallyInWords({ groups, count, given }: Tally): string {
  const of = new Intl.ListFormat('en', { type: 'disjunction' }).format(groups)
  return `${given} of ${count} ${count === 1 ? 'approval' : 'approvals'} from ${of}`
}

/** How a request ended that never became a session; undefined for everything else. */
export function requestEndInWords({ approval, breakGlass, startedAt, end }: Session): string | undefined {
  if (approval === undefined || breakGlass !== undefined || startedAt !== undefined) return undefined
  // A request that was approved has become a start like any other.
  if (end === undefined || approval.outcome === 'approved' || approval.outcome === 'not-needed')
    return undefined
  if (end.code === 'policy_changed') return 'Policy no longer allows the request'
  if (end.reason === 'denied')
    return end.by === undefined ? 'Request denied' : `Request denied by ${end.by.name}`
  if (end.reason === 'expired') return 'Request expired'
  if (end.reason === 'terminated') return 'Request withdrawn'
  return undefined
}

/** The number for the top bar: `3`, or `99+`. */
export function badgeCount(count: number): string {
  return count > 99 ? '99+' : String(count)
}
