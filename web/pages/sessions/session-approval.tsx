import type { Session } from '../../../server/protocol/session-api.ts'
import { needsInWords, tallyInWords } from '../../lib/approval-words.ts'
import { moment } from '../../lib/format.ts'
import { Panel, Row } from '../../components/panel.tsx'

/** Who consented, who did not, and what was said about a session that did without. Nothing for all others. */
export function SessionApproval({ session: { approval, breakGlass } }: { session: Session }) {
  if (breakGlass !== undefined) {
    const { review } = breakGlass
    return (
      <Panel title="Started without approval">
        <Row name="Without">the approval of {needsInWords(breakGlass.needs)}</Row>
        <Row name="Review">
          {review === undefined
            ? 'outstanding'
            : `${review.verdict === 'justified' ? 'Justified' : 'Not justified'}, says ${review.by.name}: ${review.reason}`}
        </Row>
      </Panel>
    )
  }
  if (approval === undefined) return null
  return (
    <Panel title="Approval">
      {approval.needs.map((need) => (
        <Row key={need.rule} name={need.rule}>
          {tallyInWords(need)}
        </Row>
      ))}
      {approval.votes.map((vote) => (
        <Row key={vote.by.subject} name={vote.decision === 'approve' ? 'Approved' : 'Denied'}>
          by {vote.by.name}, {moment(vote.at)}
          {vote.reason === undefined ? '' : `: ${vote.reason}`}
        </Row>
      ))}
    </Panel>
  )
}
