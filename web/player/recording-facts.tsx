import type { ReactNode } from 'react'
import type { Session, Verification } from '../../server/protocol/session-api.ts'
import { shownCommand } from '../../server/protocol/shown-command.ts'
import { asApiError } from '../lib/api-error.ts'
import { bytes, clock, duration, moment } from '../lib/format.ts'
import { useVerification } from '../lib/queries.ts'
import { endInWords } from '../lib/words.ts'
import type { Cast } from './cast.ts'
import { Button } from '../components/button.tsx'
import './recording-facts.css'

interface Props {
  session: Session
  cast: Cast | undefined
  onSeek: (seconds: number) => void
}

/** Who, what, when, why, and whether the recording can be trusted. */
export function RecordingFacts({ session, cast, onSeek }: Props) {
  const { recording, identity } = session
  return (
    <aside className="ws-panel ws-details ws-replay-facts" aria-label="Session facts">
      <h2>Session</h2>
      <dl>
        <Fact name="Who">{session.user.name}</Fact>
        <Fact name="Target">
          <code>{session.target.ref}</code>
        </Fact>
        <Fact name="Image">
          <code>{session.target.image}</code>
        </Fact>
        <Fact name="Started">{moment(session.startedAt ?? session.requestedAt)}</Fact>
        {session.endedAt === undefined ? null : <Fact name="Ended">{moment(session.endedAt)}</Fact>}
        {session.end === undefined ? null : <Fact name="End">{endInWords(session.end, session)}</Fact>}
        {session.reason === undefined ? null : <Fact name="Reason">{session.reason}</Fact>}
        {session.ticket === undefined ? null : <Fact name="Ticket">{session.ticket}</Fact>}
        {session.command === undefined ? null : (
          <Fact name="Command">
            <code>{shownCommand(session.command)}</code>
          </Fact>
        )}
        <Fact name="Toolbox">
          {session.toolbox} · {session.profile}
        </Fact>
        {identity === undefined ? null : (
          <Fact name="Ran as">
            {identity.uid}:{identity.gid}
          </Fact>
        )}
        <Fact name="Rules">{session.rules.join(', ') || 'none'}</Fact>
      </dl>
      {cast === undefined || cast.markers.length === 0 ? null : (
        <>
          <h3>Markers</h3>
          <ol className="ws-markers">
            {cast.markers.map((marker, index) => (
              <li key={`${marker.seconds} ${index}`}>
                <button type="button" onClick={() => onSeek(marker.seconds)}>
                  <span className="ws-marker-time">{clock(marker.seconds * 1000)}</span>
                  {marker.label === '' ? 'Marker' : marker.label}
                </button>
              </li>
            ))}
          </ol>
        </>
      )}
      <h3>Recording</h3>
      <dl>
        {cast === undefined ? null : <Fact name="Length">{duration(cast.duration * 1000)}</Fact>}
        {recording.bytes === undefined ? null : <Fact name="Size">{bytes(recording.bytes)}</Fact>}
        {recording.sha256 === undefined ? null : (
          <Fact name="SHA-256">
            <code>{recording.sha256}</code>
          </Fact>
        )}
      </dl>
      {recording.state === 'sealed' ? <Verify sessionId={session.id} /> : null}
    </aside>
  )
}

function Verify({ sessionId }: { sessionId: string }) {
  const { data, error, isFetching, refetch } = useVerification(sessionId)
  return (
    <div className="ws-verify">
      {data === undefined ? null : <Verdict verification={data} />}
      {error === null ? null : <p role="alert">{asApiError(error).message}</p>}
      <Button disabled={isFetching} onClick={() => void refetch()}>
        {isFetching ? 'Checking…' : data === undefined ? 'Verify recording' : 'Verify again'}
      </Button>
    </div>
  )
}

function Verdict({ verification }: { verification: Verification }) {
  const good = verification.whole && verification.unaltered
  return (
    <div className="ws-verdict" data-good={good} aria-live="polite">
      <strong>{verdictInWords(verification)}</strong>
      <ul>
        {verification.checked.map(({ check, passed, detail }) => (
          <li key={check} data-passed={passed}>
            <span aria-hidden="true">{passed ? '✓' : '✗'}</span>
            <span>
              {check}
              <small>{detail}</small>
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}

function verdictInWords({ whole, unaltered }: Verification): string {
  if (whole && unaltered) return 'Whole and unaltered'
  if (unaltered) return 'Unaltered, but not whole'
  return whole ? 'Altered' : 'Altered and not whole'
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="ws-fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
