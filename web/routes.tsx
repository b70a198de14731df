import { lazy, Suspense, type ReactNode } from 'react'
import { Route, Switch } from 'wouter'
import type { Me } from '../server/protocol/api.ts'
import { ButtonLink } from './components/button.tsx'
import { EmptyState } from './components/empty-state.tsx'
import { Skeleton } from './components/skeleton.tsx'
import { DebugPage } from './pages/debug-page.tsx'
import { TargetsPage } from './pages/targets-page.tsx'
import { useTitle } from './use-title.ts'

// Only what leads to a terminal is in the first load.
const SessionsPage = lazy(async () => ({ default: (await import('./pages/sessions-page.tsx')).SessionsPage }))
const SessionPage = lazy(async () => ({ default: (await import('./pages/session-page.tsx')).SessionPage }))
const ApprovalsPage = lazy(async () => ({
  default: (await import('./pages/approvals-page.tsx')).ApprovalsPage,
}))
const AuditPage = lazy(async () => ({ default: (await import('./pages/audit-page.tsx')).AuditPage }))
const PolicyPage = lazy(async () => ({ default: (await import('./pages/policy-page.tsx')).PolicyPage }))
const TerminalPage = lazy(async () => ({
  default: (await import('./terminal/terminal-page.tsx')).TerminalPage,
}))
const PlayerPage = lazy(async () => ({ default: (await import('./player/player-page.tsx')).PlayerPage }))

export function Routes({ me }: { me: Me }) {
  return (
    <Switch>
      <Route path="/">
        <TargetsPage />
      </Route>
      <Route path="/debug/*">{(params) => <DebugPage key={params['*']} reference={params['*']} />}</Route>
      <Route path="/sessions">
        <Lazy label="Loading sessions">
          <SessionsPage me={me} />
        </Lazy>
      </Route>
      <Route path="/sessions/:id/terminal">
        {({ id }) => (
          <Suspense fallback={<Blank label="Loading the terminal" />}>
            <TerminalPage sessionId={id} />
          </Suspense>
        )}
      </Route>
      <Route path="/sessions/:id/replay">
        {({ id }) => (
          <Suspense fallback={<Blank label="Loading the player" />}>
            <PlayerPage sessionId={id} {...startAt()} />
          </Suspense>
        )}
      </Route>
      <Route path="/sessions/:id">
        {({ id }) => (
          <Lazy label="Loading the session">
            <SessionPage key={id} id={id} />
          </Lazy>
        )}
      </Route>
      <Route path="/approvals">
        <Lazy label="Loading approvals">
          <ApprovalsPage />
        </Lazy>
      </Route>
      <Route path="/audit">
        <Lazy label="Loading the audit log">
          <AuditPage me={me} />
        </Lazy>
      </Route>
      <Route path="/policy">
        <Lazy label="Loading the question to policy">
          <PolicyPage me={me} />
        </Lazy>
      </Route>
      <Route>
        <NotFound />
      </Route>
    </Switch>
  )
}

/** `?t=` of a link to a moment in a replay, in seconds. */
function startAt(): { startAt?: number } {
  const seconds = Number(new URLSearchParams(location.search).get('t') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? { startAt: seconds } : {}
}

function Lazy({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Suspense
      fallback={
        <div className="page">
          <Skeleton label={label} />
        </div>
      }
    >
      {children}
    </Suspense>
  )
}

/** In the place of a screen that has no rows. */
function Blank({ label }: { label: string }) {
  return <output className="blank" aria-label={label} />
}

function NotFound() {
  useTitle('Not found')
  return (
    <div className="page">
      <EmptyState
        isPage
        title="There is no such page"
        actions={<ButtonLink href="/">All targets</ButtonLink>}
      >
        <p>The address may be mistyped, or the link is of another version.</p>
      </EmptyState>
    </div>
  )
}
