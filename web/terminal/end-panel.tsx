import type { Session, SessionEnd } from '../../server/protocol/api.ts'
import { duration } from '../format.ts'
import { endInWords, isCalmEnd } from '../words.ts'
import { openAgainPath, replayPath } from './session-paths.ts'
import { ButtonLink } from '../components/button.tsx'

interface Props {
  session: Session
  end: SessionEnd
}

/** The end of a session under its last screen. */
export function EndBar({ session, end }: Props) {
  return (
    <div className="ws-end-bar" data-calm={isCalmEnd(end)} aria-live="polite">
      <p>
        <strong>{endInWords(end)}</strong>
        {facts(session, end).map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      </p>
      <EndLinks session={session} />
    </div>
  )
}

/** The end of a session that never had a screen: a failed or cancelled start, or one that ended before this page came. */
export function EndCard({ session, end }: Props) {
  const failed = end.reason === 'failed' || end.reason === 'denied'
  return (
    <section className="ws-stage-card" data-calm={isCalmEnd(end)} role={failed ? 'alert' : 'status'}>
      <h2>{titleOf(session, end)}</h2>
      {end.detail === undefined || !failed ? null : <p className="ws-end-detail">{end.detail}</p>}
      <p className="ws-stage-quiet">{failed ? whatToDo : facts(session, end).join(' · ')}</p>
      <EndLinks session={session} failed={failed} />
    </section>
  )
}

const whatToDo =
  'Nothing was changed in the target, and nothing of this start was left behind. Try again, or choose another toolbox or profile.'

function EndLinks({ session, failed = false }: { session: Session; failed?: boolean }) {
  const ran = session.startedAt !== undefined
  const canReplay = ran && session.recording.state !== 'missing' && session.can.replay
  return (
    <div className="ws-end-links">
      {canReplay ? <ButtonLink href={replayPath(session.id)}>Replay</ButtonLink> : null}
      <ButtonLink kind="primary" href={openAgainPath(session)}>
        {failed ? 'Try again' : 'Open again'}
      </ButtonLink>
    </div>
  )
}

function titleOf(session: Session, end: SessionEnd): string {
  const { name } = session.target
  if (end.reason === 'failed' || end.reason === 'denied') return `${name} could not be opened`
  const ran = session.startedAt !== undefined
  return ran || end.reason !== 'terminated' ? endInWords(end) : `The start in ${name} was cancelled`
}

function facts(session: Session, end: SessionEnd): string[] {
  const { startedAt, endedAt } = session
  return [
    // Any other code is in the words already.
    end.exitCode === 0 ? 'exit code 0' : '',
    startedAt === undefined || endedAt === undefined
      ? ''
      : `ran for ${duration(Date.parse(endedAt) - Date.parse(startedAt))}`,
    end.reason === 'failed' ? '' : (end.detail ?? ''),
  ].filter((fact) => fact !== '')
}
