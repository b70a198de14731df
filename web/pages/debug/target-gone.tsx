import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import { Button, ButtonLink } from '../../components/button.tsx'
import { EmptyState } from '../../components/empty-state.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { useTarget } from '../../lib/queries.ts'
import { commonName, type DebugPlace } from './debug-place.ts'
import { PodChoice } from './pod-choice.tsx'
import { WhomToAsk } from '../../components/whom-to-ask.tsx'

interface TargetGoneProps {
  place: DebugPlace
  choice: TargetDetail['choice']
  onPod: (pod: string | undefined) => void
  onContainer: (container: string) => void
  onRetry: () => void
}

/** Nothing has that name any more, or never had: what there may be in its place. */
export function TargetGone({ place, choice, onPod, onContainer, onRetry }: TargetGoneProps) {
  // Perhaps only the part is gone that the link names.
  const whole = useTarget(wholeRef(place), { pick: place.pick, enabled: place.container !== undefined })
  if (place.container !== undefined && whole.isPending)
    return <Skeleton label={`Loading ${place.base}`} rows={3} />
  if (place.container !== undefined && whole.data !== undefined) {
    return <ContainerGone place={place} target={whole.data} onContainer={onContainer} />
  }
  if (place.pod !== undefined) {
    return (
      <div className="stack wide-gap">
        <EmptyState
          isPage
          title="The pod that you chose is gone"
          actions={
            <Button kind="primary" onClick={() => onPod(undefined)}>
              Open the current pod
            </Button>
          }
        >
          <p>
            There is no pod <code>{place.pod}</code> any more. <code>{place.base}</code> has others.
          </p>
        </EmptyState>
        {choice === undefined ? null : (
          <PodChoice choice={choice} chosen={undefined} isOwnChoice={false} onChoose={onPod} />
        )}
      </div>
    )
  }
  if (place.pick !== undefined) {
    return (
      <EmptyState
        isPage
        title={`No pod of ${place.name} is ${place.pick} now`}
        actions={
          <Button kind="primary" onClick={() => onPod(undefined)}>
            Open another pod
          </Button>
        }
      >
        <p>
          The link asks for a pod of <code>{place.base}</code> that is {place.pick}. It may have been replaced
          or have recovered.
        </p>
      </EmptyState>
    )
  }
  return (
    <EmptyState
      isPage
      title={`There is no such ${place.kind} now`}
      actions={
        <>
          <ButtonLink kind="primary" href={similarPath(place)}>
            Look for similar ones
          </ButtonLink>
          <Button onClick={onRetry}>Try again</Button>
          <ButtonLink
            href={`/policy?${new URLSearchParams({ target: place.ref, action: 'list' }).toString()}`}
          >
            May I see it?
          </ButtonLink>
        </>
      }
    >
      <p>
        Nothing fits <code>{place.ref}</code>. It may have been removed or renamed, or policy does not let you
        see it.
      </p>
      <WhomToAsk />
    </EmptyState>
  )
}

/** As the link names it, without the container. */
function wholeRef({ environment, namespace = '', base, pod }: DebugPlace): string {
  return pod === undefined ? base : `${environment}/${namespace}/pod/${pod}`
}

interface ContainerGoneProps {
  place: DebugPlace
  target: TargetDetail
  onContainer: (container: string) => void
}

/** The pod is there, and has no container of that name. */
function ContainerGone({ place, target, onContainer }: ContainerGoneProps) {
  const others = (target.containers ?? []).filter(({ kind }) => kind !== 'debug')
  return (
    <EmptyState
      isPage
      title={`There is no container ${place.container} in ${target.pod ?? place.name} now`}
      actions={others.map(({ name }) => (
        <Button
          key={name}
          kind={name === target.container ? 'primary' : 'plain'}
          onClick={() => onContainer(name)}
        >
          Debug {name}
        </Button>
      ))}
    >
      <p>
        The link is older than the pod, or its name is mistyped. The pod has{' '}
        {others.map(({ name }) => name).join(', ')}.
      </p>
    </EmptyState>
  )
}

/** A pod's successor has another name, and its workload the beginning of it. */
function similarPath({ environment, namespace, kind, name }: DebugPlace): string {
  const query = new URLSearchParams(
    namespace === undefined
      ? { q: name, stopped: '1' }
      : { environment, namespace, q: kind === 'pod' ? commonName(name) : name, kind: 'all', stopped: '1' },
  )
  return `/?${query.toString()}`
}
