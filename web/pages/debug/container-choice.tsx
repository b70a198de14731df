import { Badge, Dot } from '../../components/badge.tsx'
import { shortImage } from '../../lib/format.ts'
import { containerKindWords, containerTone, type PodContainer } from '../../components/container-list.tsx'

interface ContainerChoiceProps {
  containers: readonly PodContainer[]
  chosen: string | undefined
  onChoose: (container: string) => void
}

/** Which container of the pod: whose processes and files one will see. What can be had of one that does not run is asked below. */
export function ContainerChoice({ containers, chosen, onChoose }: ContainerChoiceProps) {
  // Earlier debug containers stay in the list for as long as the pod lives, and are nobody's choice.
  const own = containers.filter(({ kind }) => kind !== 'debug')
  if (own.length < 2) return null
  return (
    <fieldset className="choices">
      <legend>Container</legend>
      <div className="choice-list">
        {own.map((container) => {
          return (
            <label key={container.name} className="choice">
              <input
                type="radio"
                name="container"
                value={container.name}
                checked={container.name === chosen}
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
              </span>
            </label>
          )
        })}
      </div>
    </fieldset>
  )
}
