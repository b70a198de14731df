import { Link } from 'wouter'
import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import { asApiError } from '../../lib/api-error.ts'
import { refPath } from '../../lib/api.ts'
import { Badge, Dot } from '../../components/badge.tsx'
import { ButtonLink } from '../../components/button.tsx'
import { EmptyState } from '../../components/empty-state.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { BackIcon, LockIcon, WarningIcon } from '../../components/icons.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { listPlace } from '../../lib/list-places.ts'
import { useTarget } from '../../lib/queries.ts'
import { useTitle } from '../../lib/use-title.ts'
import { useUrlState } from '../../lib/use-url-state.ts'
import { DebugForm } from './debug-form.tsx'
import { shownName } from '../../lib/link-text.ts'
import { PlaceNotices } from './place-notices.tsx'
import { debugPlace, type DebugPlace } from './debug-place.ts'
import { PodChoice } from './pod-choice.tsx'
import { TargetGone } from './target-gone.tsx'
import { statusOf, toneOf } from '../../lib/target-status.ts'
import { isFailing } from '../../lib/target-filters.ts'
import { WhomToAsk } from '../../components/whom-to-ask.tsx'
import { WhyNot } from './why-not.tsx'
import './debug-page.css'

/** The prepared form: what a runbook link opens. It starts nothing by itself. */
export function DebugPage({ reference }: { reference: string }) {
  const [parameters, update] = useUrlState()
  const place = debugPlace(reference, parameters)
  useTitle(place === undefined ? 'No target' : `Debug ${place.ref}`)
  return (
    <div className="page details-page">
      <Link href={listPlace('/')} className="back-link">
        <BackIcon /> Targets
      </Link>
      {place === undefined ? (
        <NoReference reference={reference} />
      ) : (
        <PreparedForm place={place} parameters={parameters} update={update} />
      )}
    </div>
  )
}

interface PreparedFormProps {
  place: DebugPlace
  parameters: URLSearchParams
  update: (change: Readonly<Record<string, string>>) => void
}

function PreparedForm({ place, parameters, update }: PreparedFormProps) {
  const target = useTarget(place.ref, { pick: place.pick })
  // The others to choose from stay in sight beside a pod that was chosen by hand.
  const workload = useTarget(place.base, { enabled: place.pod !== undefined })
  const choice = place.pod === undefined ? target.data?.choice : workload.data?.choice
  const choosePod = (pod: string | undefined): void => update({ pod: pod ?? '', pick: '' })
  return (
    <DebugState
      place={place}
      query={target}
      choice={choice}
      parameters={parameters}
      onPod={choosePod}
      onContainer={(container) => update({ container })}
    />
  )
}

/** An address that could not be that of any target. */
function NoReference({ reference }: { reference: string }) {
  return (
    <EmptyState
      isPage
      title="This link names no target"
      actions={<ButtonLink href="/">All targets</ButtonLink>}
    >
      <p>
        <code>{shownName(reference)}</code> is not the name of one. A link has{' '}
        <code>environment/container</code>, or <code>environment/namespace/kind/name</code> in a cluster. It
        may have been cut off, or a label that it is made of was empty.
      </p>
    </EmptyState>
  )
}

interface DebugStateProps {
  place: DebugPlace
  query: ReturnType<typeof useTarget>
  choice: TargetDetail['choice']
  parameters: URLSearchParams
  onPod: (pod: string | undefined) => void
  onContainer: (container: string) => void
}

function DebugState({ place, query, choice, parameters, onPod, onContainer }: DebugStateProps) {
  if (query.isPending) return <Skeleton title={place.ref} label={`Loading ${place.ref}`} rows={6} />
  const retry = (): void => void query.refetch()
  const isGone = query.error !== null && asApiError(query.error).code === 'target_not_found'
  if (isGone) {
    return (
      <TargetGone place={place} choice={choice} onPod={onPod} onContainer={onContainer} onRetry={retry} />
    )
  }
  if (query.data === undefined) {
    return <ErrorPanel isPage error={query.error} onRetry={retry} isRetrying={query.isFetching} />
  }
  const target = query.data
  return (
    <>
      <TargetHead target={target} place={place} />
      <PlaceNotices environment={place.environment} />
      {target.warnings.map((warning) => (
        <div key={warning} className="banner" data-tone="warn">
          <WarningIcon />
          <div>{warning}</div>
        </div>
      ))}
      {target.options === undefined ? (
        <div className="stack wide-gap">
          <EmptyState
            title="You may not open a session here"
            icon={<LockIcon />}
            actions={<ButtonLink href="/">All targets</ButtonLink>}
          >
            <p>{target.denied ?? 'Policy does not allow it.'}</p>
            <WhomToAsk said={target.denied} />
          </EmptyState>
          <WhyNot targetRef={place.ref} said={target.denied} />
          {choice === undefined || choice.pods.length < 2 ? null : (
            <PodChoice
              choice={choice}
              chosen={place.pod ?? target.pod}
              isOwnChoice={place.pod !== undefined}
              onChoose={onPod}
            />
          )}
        </div>
      ) : target.kind === 'docker' && target.state !== 'running' && target.state !== 'paused' ? (
        <NotRunning target={target} />
      ) : (
        <DebugForm
          target={target}
          options={target.options}
          choice={choice}
          place={place}
          parameters={parameters}
          isChanging={query.isPlaceholderData}
          onPod={onPod}
          onContainer={onContainer}
        />
      )}
    </>
  )
}

function TargetHead({ target, place }: { target: TargetDetail; place: DebugPlace }) {
  return (
    <header className="target-head">
      <h1 className="mono">
        {place.namespace === undefined ? null : <span className="name-space">{place.namespace}/</span>}
        {place.namespace === undefined ? target.name : place.name}
        {place.namespace === undefined ? null : <span className="head-kind"> {place.kind}</span>}
      </h1>
      <div className="target-facts">
        <span className="state-cell">
          <Dot tone={toneOf(target)} />
          <span className={isFailing(target) ? 'bad-words' : undefined}>{statusOf(target)}</span>
        </span>
        {target.pod === undefined || place.kind === 'pod' ? null : (
          <span>
            pod{' '}
            <Link
              href={`/debug/${refPath(`${place.environment}/${place.namespace ?? ''}/pod/${target.pod}`)}`}
              className="mono quiet-link"
            >
              {target.pod}
            </Link>
          </span>
        )}
        {target.container === undefined ? null : (
          <span>
            container <span className="mono">{target.container}</span>
          </span>
        )}
        <span className="mono cut" title={target.image}>
          {target.image}
        </span>
        {target.user === undefined ? null : (
          <span>
            user <span className="mono">{target.user}</span>
          </span>
        )}
        {target.hasShell === false ? <Badge tone="accent">no shell</Badge> : null}
        {target.node === undefined ? null : (
          <span>
            on <span className="mono">{target.node}</span>
          </span>
        )}
        <span>
          in <span className="mono">{target.environment}</span>
        </span>
      </div>
    </header>
  )
}

const notRunningWords: Record<TargetDetail['state'], string> = {
  running: 'is running',
  paused: 'is paused',
  restarting: 'is restarting',
  created: 'was never started',
  exited: 'has stopped',
  dead: 'is dead',
  removing: 'is being removed',
}

function NotRunning({ target }: { target: TargetDetail }) {
  return (
    <EmptyState
      title={`${target.name} ${notRunningWords[target.state]}`}
      actions={<ButtonLink href="/">All targets</ButtonLink>}
    >
      <p>
        A debug container shares the processes and the network of a running container, so there is nothing to
        join now. The form opens here by itself as soon as it runs.
      </p>
    </EmptyState>
  )
}
