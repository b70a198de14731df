import { useState } from 'react'
import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import { Dot } from '../../components/badge.tsx'
import type { Tone } from '../../lib/tone.ts'
import { Button } from '../../components/button.tsx'
import { age } from '../../lib/format.ts'
import { useNow } from '../../lib/use-now.ts'

type Choice = NonNullable<TargetDetail['choice']>
type Pod = Choice['pods'][number]

interface PodChoiceProps {
  choice: Choice
  /** The pod that would be opened. */
  chosen: string | undefined
  /** It was chosen by hand: the gateway's own explanation is about another one. */
  isOwnChoice: boolean
  onChoose: (pod: string | undefined) => void
}

const firstPods = 6

/** Which pod of the workload, why, and the others. */
export function PodChoice({ choice, chosen, isOwnChoice, onChoose }: PodChoiceProps) {
  const [showsAll, setShowsAll] = useState(false)
  const now = useNow(10_000)
  const pods = showsAll ? choice.pods : firstOf(choice.pods, chosen)
  return (
    <fieldset className="choices">
      <legend>Pod</legend>
      <p className="choice-why">
        {isOwnChoice ? (
          <>
            You chose this one.{' '}
            <button type="button" className="text-button" onClick={() => onChoose(undefined)}>
              Let Hatchway choose
            </button>
          </>
        ) : (
          choice.explanation
        )}
      </p>
      {choice.pods.length === 0 ? null : (
        <div className="choice-list">
          {pods.map((pod) => (
            <label key={pod.name} className="choice pod">
              <input
                type="radio"
                name="pod"
                value={pod.name}
                checked={pod.name === chosen}
                aria-describedby={`pod-${pod.name}`}
                onChange={() => onChoose(pod.name)}
              />
              <span className="choice-name mono">{pod.name}</span>
              <span id={`pod-${pod.name}`} className="choice-words pod-facts">
                <span className="state-cell">
                  <Dot tone={toneOf(pod)} />
                  <span className={pod.state === 'restarting' ? 'bad-words' : undefined}>
                    {pod.ready ? 'Ready' : pod.status}
                  </span>
                </span>
                {pod.restarts > 0 && !/restart/.test(pod.ready ? '' : pod.status) ? (
                  <span>{pod.restarts === 1 ? '1 restart' : `${pod.restarts} restarts`}</span>
                ) : null}
                {pod.node === undefined ? null : (
                  <span>
                    on <span className="mono">{pod.node}</span>
                  </span>
                )}
                <span className="number">{age(pod.createdAt, now)} old</span>
              </span>
            </label>
          ))}
        </div>
      )}
      {pods.length < choice.pods.length ? (
        <Button kind="quiet" onClick={() => setShowsAll(true)}>
          Show all {choice.pods.length} pods
        </Button>
      ) : null}
    </fieldset>
  )
}

/** The first few, and the chosen one wherever it stands. */
function firstOf(pods: readonly Pod[], chosen: string | undefined): Pod[] {
  const first = pods.slice(0, firstPods)
  const own = pods.find((pod) => pod.name === chosen)
  return own === undefined || first.includes(own) ? first : [own, ...first.slice(0, -1)]
}

function toneOf({ state, ready }: Pod): Tone {
  if (state === 'restarting' || state === 'dead') return 'bad'
  if (state !== 'running') return 'neutral'
  return ready ? 'ok' : 'warn'
}
