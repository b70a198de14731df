import { useEffect, useRef, useState, type RefObject } from 'react'
import { Link } from 'wouter'
import type { Session } from '../../../server/protocol/session-api.ts'
import { asApiError } from '../../lib/api-error.ts'
import { Button, ButtonLink } from '../../components/button.tsx'
import { EmptyState } from '../../components/empty-state.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { BackIcon } from '../../components/icons.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { shortMoment } from '../../lib/format.ts'
import { listPlace } from '../../lib/list-places.ts'
import { useSession } from '../../lib/queries.ts'
import { askForLink, linkRequestOf } from '../../lib/link-request.ts'
import { openAgainPath } from '../../lib/session-paths.ts'
import { useNow } from '../../lib/use-now.ts'
import { useTitle } from '../../lib/use-title.ts'
import { lengthOf, Outcome } from './session-columns.tsx'
import { BreakGlassBadge, CopyBadge, PodOf, RunBadge } from '../../components/session-place.tsx'
import { SessionApproval } from './session-approval.tsx'
import { SessionFacts } from './session-facts.tsx'
import { SessionRecording } from './session-recording.tsx'
import { TerminateDialog } from '../../components/terminate-dialog.tsx'
import './session-page.css'

/** One session, live or past: everything that is known about it. */
export function SessionPage({ id }: { id: string }) {
  const query = useSession(id)
  useTitle(query.data === undefined ? 'Session' : `Session in ${query.data.target.name}`)
  const retry = (): void => void query.refetch()
  return (
    <div className="page details-page">
      <Link href={listPlace('/sessions')} className="back-link">
        <BackIcon /> Sessions
      </Link>
      {query.isPending ? (
        <Skeleton title="Session" label="Loading the session" rows={7} />
      ) : query.data !== undefined ? (
        <Details session={query.data} />
      ) : asApiError(query.error).code === 'session_not_found' ? (
        <EmptyState
          isPage
          title="There is no such session"
          actions={<ButtonLink href="/sessions">All sessions</ButtonLink>}
        >
          <p>It may be older than what is kept, or policy does not let you see it.</p>
        </EmptyState>
      ) : (
        <ErrorPanel isPage error={query.error} onRetry={retry} isRetrying={query.isFetching} />
      )}
    </div>
  )
}

function Details({ session }: { session: Session }) {
  const now = useNow(1000)
  const [isTerminating, setIsTerminating] = useState(false)
  const path = `/sessions/${encodeURIComponent(session.id)}`
  const isLive = session.state !== 'ended'
  const actions = useRef<HTMLDivElement>(null)
  useFocusAtEnd(actions, isLive)
  return (
    <>
      <header className="details-head">
        <div className="grow">
          <h1 className="mono">{session.target.ref}</h1>
          <div className="target-facts">
            <Outcome session={session} />
            <RunBadge session={session} />
            <CopyBadge session={session} />
            <BreakGlassBadge session={session} />
            <PodOf session={session} />
            <span>{session.user.name}</span>
            <span>{shortMoment(session.requestedAt, now)}</span>
            <span className="number">{lengthOf(session, now)}</span>
          </div>
        </div>
        <div ref={actions} className="actions">
          {session.can.decide || session.can.review ? (
            <ButtonLink kind="primary" href="/approvals">
              {session.can.decide ? 'Decide' : 'Review'}
            </ButtonLink>
          ) : null}
          {isLive && session.run !== true && (session.can.control || session.can.watch) ? (
            <ButtonLink kind="primary" href={`${path}/terminal`}>
              {session.can.control ? 'Open terminal' : 'Watch'}
            </ButtonLink>
          ) : null}
          {!isLive && session.can.replay && session.recording.state !== 'missing' ? (
            <ButtonLink kind="primary" href={`${path}/replay`}>
              Replay
            </ButtonLink>
          ) : null}
          {isLive ? null : <ButtonLink href={openAgainPath(session)}>Start again</ButtonLink>}
          <Button onClick={() => askForLink(linkRequestOf(session))}>Copy runbook link</Button>
          {isLive && session.can.terminate ? (
            <Button kind="danger" onClick={() => setIsTerminating(true)}>
              Terminate…
            </Button>
          ) : null}
        </div>
      </header>
      {session.end?.detail === undefined ? null : (
        <p className="banner">
          <span>{session.end.detail}</span>
        </p>
      )}
      <div className="panels">
        <SessionFacts session={session} now={now} />
        <SessionApproval session={session} />
        <SessionRecording session={session} />
      </div>
      <TerminateDialog
        session={session}
        isOpen={isTerminating}
        onClose={() => setIsTerminating(false)}
        focusAfter={() => actionOf(actions, '.danger') ?? actionOf(actions, '.button')}
      />
    </>
  )
}

/** The button that ended the session goes with it: the focus that it had goes to what is left to do. */
function useFocusAtEnd(actions: RefObject<HTMLElement | null>, isLive: boolean): void {
  const wasLive = useRef(isLive)
  useEffect(() => {
    if (wasLive.current && !isLive && document.activeElement === document.body)
      actionOf(actions, '.button')?.focus()
    wasLive.current = isLive
  }, [actions, isLive])
}

function actionOf(actions: RefObject<HTMLElement | null>, selector: string): HTMLElement | null {
  return actions.current?.querySelector<HTMLElement>(selector) ?? null
}
