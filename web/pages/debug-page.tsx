import { Link } from 'wouter'
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { asApiError } from '../api-error.ts'
import { Badge, Dot } from '../components/badge.tsx'
import { ButtonLink } from '../components/button.tsx'
import { EmptyState } from '../components/empty-state.tsx'
import { ErrorPanel } from '../components/error-panel.tsx'
import { BackIcon, LockIcon, WarningIcon } from '../components/icons.tsx'
import { Skeleton } from '../components/skeleton.tsx'
import { useMyLiveSessions, useTarget } from '../queries.ts'
import { useTitle } from '../use-title.ts'
import { DebugForm } from './debug-form.tsx'

/** The prepared form: what a runbook link opens. It starts nothing by itself. */
export function DebugPage({ reference }: { reference: string }) {
  const parameters = new URLSearchParams(location.search)
  const container = parameters.get('container')
  const isWorkload = reference.split('/').length === 4
  const ref = container !== null && container !== '' && isWorkload ? `${reference}/${container}` : reference
  useTitle(`Debug ${ref}`)
  const target = useTarget(ref)
  return (
    <div className="page form-page">
      <Link href="/" className="back-link">
        <BackIcon /> Targets
      </Link>
      <DebugState reference={ref} query={target} parameters={parameters} />
    </div>
  )
}

interface DebugStateProps {
  reference: string
  query: ReturnType<typeof useTarget>
  parameters: URLSearchParams
}

function DebugState({ reference, query, parameters }: DebugStateProps) {
  if (query.isPending) return <Skeleton label={`Loading ${reference}`} rows={6} />
  const retry = (): void => void query.refetch()
  const isGone = query.error !== null && asApiError(query.error).code === 'target_not_found'
  if (isGone) return <Gone reference={reference} onRetry={retry} />
  if (query.data === undefined) {
    return <ErrorPanel error={query.error} onRetry={retry} isRetrying={query.isFetching} />
  }
  const target = query.data
  return (
    <>
      <TargetHead target={target} />
      <AlreadyOpen target={target} />
      {target.warnings.map((warning) => (
        <div key={warning} className="banner warn">
          <WarningIcon />
          <div>{warning}</div>
        </div>
      ))}
      {target.options === undefined ? (
        <EmptyState
          title="You may not open a session here"
          icon={<LockIcon />}
          actions={<ButtonLink href="/">All targets</ButtonLink>}
        >
          <p>{target.denied ?? 'Policy does not allow it.'}</p>
        </EmptyState>
      ) : target.state === 'running' || target.state === 'paused' ? (
        <DebugForm key={target.id} target={target} options={target.options} parameters={parameters} />
      ) : (
        <NotRunning target={target} />
      )}
    </>
  )
}

function TargetHead({ target }: { target: TargetDetail }) {
  return (
    <header className="target-head">
      <h1 className="mono">
        {target.namespace === undefined ? target.name : `${target.namespace}/${target.name}`}
      </h1>
      <div className="target-facts">
        <span className="state-cell">
          <Dot tone={target.state === 'running' ? 'ok' : 'neutral'} />
          {target.status === '' ? target.state : target.status}
        </span>
        <span className="mono cut" title={target.image}>
          {target.image}
        </span>
        {target.user === undefined ? null : (
          <span>
            user <span className="mono">{target.user}</span>
          </span>
        )}
        {target.hasShell === false ? <Badge tone="accent">no shell</Badge> : null}
        <span>
          in <span className="mono">{target.environment}</span>
        </span>
      </div>
    </header>
  )
}

/** Opening a second session by mistake is easy at night. */
function AlreadyOpen({ target }: { target: TargetDetail }) {
  const mine = useMyLiveSessions().data?.items.find((session) => session.target.resolved.id === target.id)
  if (mine === undefined) return null
  return (
    <div className="banner accent">
      <div>
        <strong>You have a live session in this container.</strong> Starting another one is fine; going back
        may be what you want.
      </div>
      <ButtonLink href={`/sessions/${encodeURIComponent(mine.id)}/terminal`}>Resume</ButtonLink>
    </div>
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

function Gone({ reference, onRetry }: { reference: string; onRetry: () => void }) {
  const name = reference.split('/').at(-1) ?? ''
  return (
    <EmptyState
      isPage
      title="There is no such container now"
      actions={
        <>
          <ButtonLink kind="primary" href={`/?q=${encodeURIComponent(name)}&stopped=1`}>
            Look for similar ones
          </ButtonLink>
          <button type="button" className="button plain" onClick={onRetry}>
            Try again
          </button>
        </>
      }
    >
      <p>
        Nothing fits <code>{reference}</code>. It may have been removed or renamed, or policy does not let you
        see it.
      </p>
    </EmptyState>
  )
}
