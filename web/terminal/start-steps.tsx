import { Progress } from '@base-ui/react/progress'
import type { Session, StartProgress } from '../../server/protocol/api.ts'
import { bytes } from '../format.ts'
import { phaseWords } from '../words.ts'

const phases = ['resolving', 'pulling', 'creating', 'attaching'] as const

interface Props {
  session: Session
  progress: StartProgress | undefined
  onCancel: () => void
}

/** What a start is doing, step by step. */
export function StartSteps({ session, progress, onCancel }: Props) {
  const present = phases.indexOf(progress?.phase ?? 'resolving')
  return (
    <section className="stage-card" aria-live="polite">
      <h2>
        Opening <strong>{session.target.name}</strong>
      </h2>
      <ol className="start-steps">
        {phases.map((phase, index) => (
          <li
            key={phase}
            data-step={stepState(index, present)}
            aria-current={index === present ? 'step' : undefined}
          >
            <span className="start-mark" aria-hidden="true" />
            <span>{phaseWords[phase]}</span>
            {phase === 'pulling' && index === present && progress?.pull !== undefined ? (
              <PullProgress pull={progress.pull} />
            ) : null}
          </li>
        ))}
      </ol>
      <p className="stage-quiet">Everything that this terminal shows is recorded.</p>
      <button type="button" className="tool-button" onClick={onCancel}>
        Cancel
      </button>
    </section>
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
      className="pull"
      value={known ? Math.min(100, (pull.currentBytes / pull.totalBytes) * 100) : null}
      aria-label={`Getting ${pull.image}`}
    >
      <Progress.Track className="pull-track">
        <Progress.Indicator className="pull-bar" />
      </Progress.Track>
      <span className="pull-words">
        <code>{pull.image}</code>
        <span>{known ? `${bytes(pull.currentBytes)} of ${bytes(pull.totalBytes)}` : pull.status}</span>
      </span>
    </Progress.Root>
  )
}
