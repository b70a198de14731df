import { Badge, Dot } from '../components/badge.tsx'
import { shortImage } from '../format.ts'
import { containerKindWords, containerTone, type PodContainer } from './container-list.tsx'

interface ContainerChoiceProps {
  containers: readonly PodContainer[]
  chosen: string | undefined
  onChoose: (container: string) => void
}

/** Which container of the pod: whose processes and files one will see. */
export function ContainerChoice({ containers, chosen, onChoose }: ContainerChoiceProps) {
  // Earlier debug containers stay in the list for as long as the pod lives, and are nobody's choice.
  const own = containers.filter(({ kind }) => kind !== 'debug')
  if (own.length < 2) return null
  return (
    <fieldset className="choices">
      <legend>Container</legend>
      <div className="choice-list">
        {own.map((container) => {
          const problem = whyNot(container)
          return (
            <label key={container.name} className={problem === undefined ? 'choice' : 'choice refused calm'}>
              <input
                type="radio"
                name="container"
                value={container.name}
                checked={container.name === chosen}
                disabled={problem !== undefined}
                aria-describedby={`container-${container.name}`}
                onChange={() => onChoose(container.name)}
              />
              <span className="choice-name mono">{container.name}</span>
              <span id={`container-${container.name}`} className="choice-words pod-facts">
                <Badge>{containerKindWords[container.kind]}</Badge>
                <span className="state-cell">
                  <Dot tone={containerTone(container)} />
                  {container.status}
                </span>
                <span className="mono breakable">{shortImage(container.image)}</span>
                {problem === undefined ? null : <span className="choice-problem">Not here: {problem}</span>}
              </span>
            </label>
          )
        })}
      </div>
    </fieldset>
  )
}

/** A container that does not run can still be looked at in a copy, so only what can never be joined is refused. */
function whyNot({ kind, state }: PodContainer): string | undefined {
  if (kind !== 'init') return undefined
  return state === 'terminated'
    ? 'it did its work before the pod started and has ended.'
    : 'it prepares the pod, and a debug container can’t join it.'
}
