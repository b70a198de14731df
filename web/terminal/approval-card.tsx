import type { Session } from '../../server/protocol/session-api.ts'
import type { Approval } from '../../server/protocol/approval-api.ts'
import { tallyInWords } from '../lib/approval-words.ts'
import { duration, moment } from '../lib/format.ts'
import { useNow } from '../lib/use-now.ts'
import { Button } from '../components/button.tsx'
import './approval-card.css'

interface Props {
  session: Session
  onWithdraw: () => void
}

/** A request that waits: for whom, who has said what, until when. The terminal comes by itself in its place. */
export function ApprovalCard({ session, onWithdraw }: Props) {
  const { approval } = session
  return (
    <section className="ws-stage-card" data-wide="true" aria-labelledby="approval-heading">
      <h2 id="approval-heading">
        Waiting for approval to open <strong>{session.target.name}</strong>
      </h2>
      {approval === undefined ? null : (
        <>
          <ol className="ws-start-steps" aria-live="polite">
            {approval.needs.map((need) => (
              <li key={need.rule} data-step={need.given >= need.count ? 'done' : 'now'} title={need.rule}>
                <span className="ws-start-mark" aria-hidden="true" />
                <span>{tallyInWords(need)}</span>
              </li>
            ))}
          </ol>
          <Votes votes={approval.votes} />
          <Expiry at={approval.expiresAt} />
        </>
      )}
      <p className="ws-stage-quiet">
        This page goes on by itself once it is approved. You may close it: the request waits, and so does the
        session.
      </p>
      {session.can.terminate ? <Button onClick={onWithdraw}>Withdraw the request</Button> : null}
    </section>
  )
}

function Votes({ votes }: { votes: Approval['votes'] }) {
  if (votes.length === 0) return null
  return (
    <ul className="ws-votes" aria-label="Decisions">
      {votes.map((vote) => (
        <li key={`${vote.by.subject} ${vote.at}`}>
          <strong>{vote.by.name}</strong> {vote.decision === 'approve' ? 'approved' : 'denied'}
          {vote.reason === undefined ? '' : `: ${vote.reason}`}
        </li>
      ))}
    </ul>
  )
}

function Expiry({ at }: { at: string }) {
  const left = Date.parse(at) - useNow(1000)
  return (
    <p title={moment(at)}>
      {left > 0 ? `The request expires in ${duration(left)}.` : 'The request expires now.'}
    </p>
  )
}
