import type { Session, Verification } from '../../../server/protocol/session-api.ts'
import { apiUrl } from '../../lib/api.ts'
import { Badge } from '../../components/badge.tsx'
import { Button } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { CheckIcon, CrossIcon, DownloadIcon } from '../../components/icons.tsx'
import { bytes, duration } from '../../lib/format.ts'
import { useVerification } from '../../lib/queries.ts'
import { Id, Row } from '../../components/panel.tsx'
import './session-recording.css'

const formats = [
  ['asciicast-v3', 'asciicast v3'],
  ['asciicast-v2', 'asciicast v2'],
  ['text', 'Text'],
] as const

const stateWords = { live: 'being written', sealed: 'sealed', missing: 'missing' } as const

/** What was recorded, whether it is whole, and ways to take it along. */
export function SessionRecording({ session }: { session: Session }) {
  const { recording } = session
  const verification = useVerification(session.id)
  const path = `/sessions/${encodeURIComponent(session.id)}/recording`
  return (
    <section className="panel" aria-label="Recording">
      <h2 className="section-title">Recording</h2>
      <dl>
        <Row name="State">
          <Badge tone={recording.state === 'missing' ? 'bad' : recording.state === 'live' ? 'ok' : 'neutral'}>
            {stateWords[recording.state]}
          </Badge>
        </Row>
        {recording.durationMs === undefined ? null : (
          <Row name="Length">{duration(recording.durationMs)}</Row>
        )}
        {recording.bytes === undefined ? null : (
          <Row name="Size">
            {bytes(recording.bytes)}
            {recording.outputBytes === undefined
              ? null
              : `, ${bytes(recording.outputBytes)} of it terminal output`}
          </Row>
        )}
        {recording.sha256 === undefined ? null : (
          <Row name="SHA-256">
            <Id text={recording.sha256} label="SHA-256" />
          </Row>
        )}
      </dl>
      {session.can.replay && recording.state !== 'missing' ? (
        <div className="actions">
          {formats.map(([format, words]) => (
            <a
              key={format}
              className="button plain"
              href={apiUrl(path, { format, download: 'true' })}
              download
            >
              <span className="button-words">
                <DownloadIcon /> {words}
              </span>
            </a>
          ))}
          {recording.state === 'sealed' ? (
            <Button isBusy={verification.isFetching} onClick={() => void verification.refetch()}>
              Verify
            </Button>
          ) : null}
        </div>
      ) : null}
      {session.can.replay ? null : (
        <p className="faint small-print">Policy does not let you read this recording.</p>
      )}
      {verification.error === null ? null : (
        <ErrorPanel
          error={verification.error}
          onRetry={() => void verification.refetch()}
          isRetrying={verification.isFetching}
        />
      )}
      {verification.data === undefined ? null : <Verdict verification={verification.data} />}
    </section>
  )
}

function Verdict({ verification }: { verification: Verification }) {
  const isGood = verification.whole && verification.unaltered
  return (
    <div className="verdict" data-tone={isGood ? 'ok' : 'bad'} aria-live="polite">
      <strong>
        {isGood
          ? 'Whole and unaltered'
          : [verification.whole ? '' : 'Not whole', verification.unaltered ? '' : 'Altered']
              .filter(Boolean)
              .join(', ')}
      </strong>
      <ul className="plain-list">
        {verification.checked.map(({ check, passed, detail }) => (
          <li key={check}>
            <span className={passed ? 'ok-words' : 'bad-words'}>
              {passed ? <CheckIcon /> : <CrossIcon />}
              <span className="visually-hidden">{passed ? 'passed: ' : 'failed: '}</span>
            </span>
            <span>
              {check} <span className="muted">{detail}</span>
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}
