import type { Target } from '../../server/protocol/target-api.ts'
import { Badge, Dot } from './badge.tsx'
import type { Tone } from '../lib/tone.ts'
import { shortImage } from '../lib/format.ts'
import './container-list.css'

export type PodContainer = NonNullable<Target['containers']>[number]

const tones: Record<PodContainer['state'], Tone> = { running: 'ok', waiting: 'bad', terminated: 'neutral' }

export const containerKindWords: Record<PodContainer['kind'], string> = {
  app: 'app',
  sidecar: 'sidecar',
  init: 'init',
  debug: 'debug',
}

export function containerTone({ kind, state, ready }: PodContainer): Tone {
  const isMeant = kind === 'app' || kind === 'sidecar'
  return state === 'running' && isMeant && !ready ? 'warn' : tones[state]
}

/** Which container is which, in the order of the pod's specification. */
export function ContainerList({
  containers,
  chosen,
}: {
  containers: readonly PodContainer[]
  chosen: string | undefined
}) {
  return (
    <ul className="plain-list container-list">
      {containers.map((container) => (
        <li key={container.name}>
          <Dot tone={containerTone(container)} />
          <span>
            <span className="container-line">
              <span className={container.name === chosen ? 'mono strong' : 'mono'}>{container.name}</span>
              {container.kind === 'app' ? null : <Badge>{containerKindWords[container.kind]}</Badge>}
            </span>
            <span className="mono faint breakable">{shortImage(container.image)}</span>
            <span className="faint">
              {container.status}
              {container.restarts > 0 ? `, ${container.restarts} restarts` : ''}
            </span>
          </span>
        </li>
      ))}
    </ul>
  )
}
