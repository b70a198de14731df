import type { ReactNode } from 'react'
import { Route, Switch } from 'wouter'
import type { Me } from '../../server/protocol/sign-in-api.ts'
import { ButtonLink } from '../components/button.tsx'
import { EmptyState } from '../components/empty-state.tsx'
import { lazyPart } from '../components/lazy-part.tsx'
import { Skeleton } from '../components/skeleton.tsx'
import { DebugPage } from '../pages/debug/debug-page.tsx'
import { TargetsPage } from '../pages/targets/targets-page.tsx'
import { useTitle } from '../lib/use-title.ts'
import './routes.css'

const reading = (title: string, label: string): { waiting: ReactNode } => ({
  waiting: (
    <div className="page">
      <Skeleton title={title} label={label} />
    </div>
  ),
})
/** In the place of a screen that has no rows. */
const blank = (title: string, label: string): { waiting: ReactNode } => ({
  waiting: (
    <>
      <h1 className="visually-hidden">{title}</h1>
      <output className="blank" aria-label={label} />
    </>
  ),
})

// Only what leads to a terminal is in the first load.
const SessionsPage = lazyPart(
  async () => (await import('../pages/sessions/sessions-page.tsx')).SessionsPage,
  reading('Sessions', 'Loading sessions'),
)
const SessionPage = lazyPart(
  async () => (await import('../pages/sessions/session-page.tsx')).SessionPage,
  reading('Session', 'Loading the session'),
)
const ApprovalsPage = lazyPart(
  async () => (await import('../pages/approvals/approvals-page.tsx')).ApprovalsPage,
  reading('Approvals', 'Loading approvals'),
)
const AuditPage = lazyPart(
  async () => (await import('../pages/audit/audit-page.tsx')).AuditPage,
  reading('Audit', 'Loading the audit log'),
)
const PolicyPage = lazyPart(
  async () => (await import('../pages/policy/policy-page.tsx')).PolicyPage,
  reading('Policy', 'Loading the question to policy'),
)
const TerminalPage = lazyPart(
  async () => (await import('../terminal/terminal-page.tsx')).TerminalPage,
  blank('Terminal', 'Loading the terminal'),
)
const PlayerPage = lazyPart(
  async () => (await import('../player/player-page.tsx')).PlayerPage,
  blank('Recording', 'Loading the player'),
)

export function Routes({ me }: { me: Me }) {
  return (
    <Switch>
      <Route path="/">
        <TargetsPage />
      </Route>
      <Route path="/debug/*">{(params) => <DebugPage key={params['*']} reference={params['*']} />}</Route>
      <Route path="/sessions">
        <SessionsPage me={me} />
      </Route>
      <Route path="/sessions/:id/terminal">{({ id }) => <TerminalPage sessionId={id} />}</Route>
      <Route path="/sessions/:id/replay">{({ id }) => <PlayerPage sessionId={id} {...startAt()} />}</Route>
      <Route path="/sessions/:id">{({ id }) => <SessionPage key={id} id={id} />}</Route>
      <Route path="/approvals">
        <ApprovalsPage />
      </Route>
      <Route path="/audit">
        <AuditPage me={me} />
      </Route>
      <Route path="/policy">
        <PolicyPage me={me} />
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
