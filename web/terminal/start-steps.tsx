import { Progress } from '@base-ui/react/progress'
import type { Session, StartProgress } from '../../server/protocol/session-api.ts'
import { bytes } from '../lib/format.ts'
import { phaseWords } from '../lib/words.ts'
import { Button } from '../components/button.tsx'
import './start-steps.css'

const phases = ['resolving', 'pulling', 'creating', 'attaching'] as const

interface Props {
  session: Session
  progress: StartProgress | undefined
  onCancel: () => void
}

function stepInWords(phase: StartProgress['phase'], session: Session): string {
  if (session.copy === true && phase === 'creating') return 'Copying the pod and creating the debug container'
  if (session.target.namespace !== undefined && phase === 'resolving') return 'Finding the pod'
  return phaseWords[phase]
}

/** What a start is doing, step by step. */
export function StartSteps({ session, progress, onCancel }: Props) {
  const present = phases.indexOf(progress?.phase ?? 'resolving')
  return (
    <section className="ws-stage-card" data-wide={progress?.advice !== undefined} aria-live="polite">
      <h2>
        Opening <strong>{session.target.name}</strong>
      </h2>
      <ol className="ws-start-steps">
        {phases.map((phase, index) => (
          <li
            key={phase}
            data-step={stepState(index, present)}
            aria-current={index === present ? 'step' : undefined}
          >
            <span className="ws-start-mark" aria-hidden="true" />
            <span>{stepInWords(phase, session)}</span>
            {index === present && progress !== undefined ? <Present progress={progress} /> : null}
          </li>
        ))}
      </ol>
      <p className="ws-stage-quiet">Everything that this terminal shows is recorded.</p>
      <Button onClick={onCancel}>Cancel</Button>
    </section>
  )
}

/** What the present step waits for, in the backend's own words, and what to do about it. */
function Present({ progress }: { progress: StartProgress }) {
  const { phase, pull, detail, advice } = progress
  return (
    <>
      {phase === 'pulling' && pull !== undefined ? <PullProgress pull={pull} /> : null}
      {detail === undefined ? null : <span className="ws-start-detail">{detail}</span>}
      {advice === undefined ? null : <span className="ws-start-advice">{advice}</span>}
    </>
  )
}

function stepState(index: number, present: number): 'done' | 'now' | 'next' {
  if (index === present) return 'now'
  return index < present ? 'done' : 'next'
}

function PullProgress({ pull }: { pull: NonNullable<StartProgress['pull']> }) {
  const known = pull.totalBytes > 0
  return (
    <Progress.Root
      className="ws-pull"
      value={known ? Math.min(100, (pull.currentBytes / pull.totalBytes) * 100) : null}
      aria-label={`Getting ${pull.image}`}
    >
      <Progress.Track className="ws-pull-track">
        <Progress.Indicator className="ws-pull-bar" />
      </Progress.Track>
      <span className="ws-pull-words">
        <code>{pull.image}</code>
        <span>{known ? `${bytes(pull.currentBytes)} of ${bytes(pull.totalBytes)}` : pull.status}</span>
      </span>
    </Progress.Root>
  )
}
