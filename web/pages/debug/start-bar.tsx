import { useState } from 'react'
import type { ApprovalTerms } from '../../../server/protocol/approval-api.ts'
import { needsInWords } from '../../lib/approval-words.ts'
import { Button } from '../../components/button.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { LockIcon, WarningIcon } from '../../components/icons.tsx'
import type { Where } from './session-scope.ts'
import './start-bar.css'

interface StartBarProps {
  /** There when the session has to be approved first. */
  approval: ApprovalTerms | undefined
  where: Where
  isBusy: boolean
  isImpossible: boolean
  /** No profile is chosen, and one can be. */
  mayChoose: boolean
  /** Whether everything is filled in that breaking the glass needs; shows what is missing when it is not. */
  mayBreakGlass: () => boolean
  onBreakGlass: () => void
}

/** The button that starts, or asks for an approval, and what it does in words. */
export function StartBar({ approval, where, isBusy, isImpossible, mayChoose, ...breaking }: StartBarProps) {
  const action = where === 'copy' ? 'Copy the pod and start' : 'Start session'
  return (
    <div className="start-bar">
      <Button kind="primary" type="submit" isBusy={isBusy} disabled={isImpossible}>
        {approval === undefined ? action : 'Ask for approval'}
      </Button>
      <p className="faint small-print centered">
        {isImpossible
          ? where === 'nowhere'
            ? 'There is nothing to join now.'
            : mayChoose
              ? 'Choose a profile first.'
              : 'Nothing that policy allows works here.'
          : approval === undefined
            ? 'Enter starts it. Nothing happens before.'
            : 'Enter asks. It starts by itself once it is approved.'}
      </p>
      {approval?.breakGlass === true && !isImpossible ? (
        <BreakGlass approval={approval} isBusy={isBusy} {...breaking} />
      ) : null}
    </div>
  )
}

/** Who has to approve, before anything else is read. */
export function ApprovalNotice({ approval }: { approval: ApprovalTerms }) {
  return (
    <div className="banner" data-tone="accent">
      <LockIcon />
      <div>
        <strong>This needs an approval</strong> by {needsInWords(approval.needs)}. They see what would run
        where, as whom, and your reason. Nobody approves their own request.
      </div>
    </div>
  )
}

interface BreakGlassProps {
  approval: ApprovalTerms
  isBusy: boolean
  mayBreakGlass: () => boolean
  onBreakGlass: () => void
}

/** Apart from the start, and never by Enter alone. */
function BreakGlass({ approval, isBusy, mayBreakGlass, onBreakGlass }: BreakGlassProps) {
  const [isAsking, setIsAsking] = useState(false)
  return (
    <section className="break-glass" aria-labelledby="break-glass-heading">
      <div>
        <h2 id="break-glass-heading">
          <WarningIcon /> In an emergency
        </h2>
        <p>Start without waiting: the approvers are alarmed, and it is reviewed afterwards.</p>
      </div>
      <Button kind="danger" isBusy={isBusy} onClick={() => setIsAsking(mayBreakGlass())}>
        Break glass…
      </Button>
      <Dialog
        isOpen={isAsking}
        onClose={() => setIsAsking(false)}
        title="Start without the approval?"
        description={
          <>
            <p>The session starts at once, without the approval of {needsInWords(approval.needs)}.</p>
            <ul className="consequences">
              <li>The approvers are told now, with your name and your reason.</li>
              <li>The audit log and the session say for good that the glass was broken.</li>
              <li>Somebody else has to review it afterwards and say whether it was justified.</li>
            </ul>
          </>
        }
      >
        <div className="actions end">
          <Button onClick={() => setIsAsking(false)}>Go back</Button>
          <Button
            kind="danger"
            onClick={() => {
              setIsAsking(false)
              onBreakGlass()
            }}
          >
            Break glass and start
          </Button>
        </div>
      </Dialog>
    </section>
  )
}
