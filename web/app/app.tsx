import { QueryClientProvider } from '@tanstack/react-query'
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Redirect, useLocation } from 'wouter'
import type { Me } from '../../server/protocol/sign-in-api.ts'
import { asApiError } from '../lib/api-error.ts'
import { ErrorBoundary } from '../components/error-boundary.tsx'
import { ErrorPanel } from '../components/error-panel.tsx'
import { lazyPart } from '../components/lazy-part.tsx'
import { ShortcutsDialog } from './shortcuts-dialog.tsx'
import { SignInWait } from '../components/sign-in-card.tsx'
import { SignInOverlay } from './sign-in-overlay.tsx'
import { Toasts } from '../components/toasts.tsx'
import { TopBar } from './top-bar.tsx'
import { SignInPage } from '../pages/sign-in/sign-in-page.tsx'
import { SignedInPage } from '../pages/sign-in/signed-in-page.tsx'
import { broadcastSignedIn, noteSignedIn, signedInPath } from '../lib/provider-sign-in.ts'
import { isProviderSilent, queryClient, useMe } from '../lib/queries.ts'
import { Routes } from './routes.tsx'
import { LinkDialogHost } from '../runbook-link/link-dialog-host.tsx'
import { useHotkeys } from '../lib/use-hotkeys.ts'
import './app.css'

const CommandPalette = lazyPart(async () => (await import('./command-palette.tsx')).CommandPalette, {
  close: ({ onClose }) => onClose(),
})

export function App() {
  const [path] = useLocation()
  return (
    <QueryClientProvider client={queryClient}>
      <ErrorBoundary>
        <Page path={path} />
      </ErrorBoundary>
      <Toasts />
    </QueryClientProvider>
  )
}

function Page({ path }: { path: string }) {
  if (path === '/signin') return <SignInPage />
  return path === signedInPath ? <SignedInPage /> : <Gate />
}

/** Nothing of the app shows before it is known who looks at it. */
function Gate() {
  const me = useMe()
  if (me.data !== undefined) return <Shell me={me.data} />
  if (me.error === null) return <SignInWait>One moment…</SignInWait>
  if (asApiError(me.error).status === 401) {
    const here = location.pathname + location.search + location.hash
    return <Redirect to={here === '/' ? '/signin' : `/signin?next=${encodeURIComponent(here)}`} replace />
  }
  return (
    <main className="page narrow stack">
      <ErrorPanel isPage error={me.error} onRetry={() => void me.refetch()} isRetrying={me.isFetching} />
      {isProviderSilent(me.error) ? (
        <p className="faint">
          This page asks again every 5 seconds and goes on by itself. Debug sessions keep running.
        </p>
      ) : null}
    </main>
  )
}

function Shell({ me }: { me: Me }) {
  const [path] = useLocation()
  const [open, setOpen] = useState<'palette' | 'shortcuts'>()
  const close = useCallback(() => setOpen(undefined), [])
  const main = useRef<HTMLElement>(null)
  useShellKeys(setOpen)
  useEffect(() => {
    noteSignedIn()
    broadcastSignedIn()
  }, [])
  useFocusOnArrival(path, main)
  // The terminal takes all there is; everything else scrolls as a page.
  const isWhole = /^\/sessions\/[^/]+\/terminal$/.test(path)
  return (
    <div className="shell" data-whole={isWhole || undefined}>
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <TopBar me={me} onPalette={() => setOpen('palette')} onShortcuts={() => setOpen('shortcuts')} />
      <main id="main" ref={main} tabIndex={-1} className="main" data-whole={isWhole || undefined}>
        <ErrorBoundary key={path}>
          <Routes me={me} />
        </ErrorBoundary>
      </main>
      <ShortcutsDialog isOpen={open === 'shortcuts'} onClose={close} />
      {open === 'palette' ? <CommandPalette onClose={close} /> : null}
      <LinkDialogHost />
      <SignInOverlay />
    </div>
  )
}

function useShellKeys(open: (what: 'palette' | 'shortcuts') => void): void {
  const [, navigate] = useLocation()
  const wentAt = useRef(0)
  // `g` waits a second for the letter that says where to.
  const afterG = (path: string) => (): void => {
    if (Date.now() - wentAt.current < 1000) navigate(path)
  }
  useHotkeys({
    'mod+k': () => open('palette'),
    '?': () => open('shortcuts'),
    '/': () => document.querySelector<HTMLElement>('[data-hotkey="/"]')?.focus(),
    g: () => {
      wentAt.current = Date.now()
    },
    t: afterG('/'),
    s: afterG('/sessions'),
    p: afterG('/approvals'),
    a: afterG('/audit'),
    y: afterG('/policy'),
  })
}

/** A new page starts at its beginning, also for the keyboard and for a screen reader. */
function useFocusOnArrival(path: string, main: React.RefObject<HTMLElement | null>): void {
  const last = useRef(path)
  useLayoutEffect(() => {
    if (last.current === path) return
    last.current = path
    scrollTo(0, 0)
    if (main.current?.contains(document.activeElement) !== true) main.current?.focus({ preventScroll: true })
  }, [path, main])
}
