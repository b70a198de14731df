import { useRef } from 'react'
import { Link, useLocation } from 'wouter'
import type { Me } from '../../server/protocol/sign-in-api.ts'
import { badgeCount } from '../lib/approval-words.ts'
import { clock } from '../lib/format.ts'
import { useApprovals } from '../lib/queries.ts'
import { askForSignIn } from '../lib/sign-in-gate.ts'
import { useNow } from '../lib/use-now.ts'
import { Health } from './health.tsx'
import { Mark, SearchIcon } from '../components/icons.tsx'
import { useScrollStrip } from './use-scroll-strip.ts'
import { UserMenu } from './user-menu.tsx'
import './top-bar.css'

interface TopBarProps {
  me: Me
  onPalette: () => void
  onShortcuts: () => void
}

export function TopBar({ me, onPalette, onShortcuts }: TopBarProps) {
  const [path] = useLocation()
  const nav = useRef<HTMLElement>(null)
  useScrollStrip(nav)
  const isTargets = path === '/' || path.startsWith('/debug/')
  return (
    <header className="topbar">
      <Link href="/" className="brand" aria-label="Hatchway home">
        <Mark />
        <span className="brand-name">Hatchway</span>
      </Link>
      <nav ref={nav} aria-label="Main" className="nav">
        <NavLink href="/" isHere={isTargets}>
          Targets
        </NavLink>
        <NavLink href="/sessions" isHere={path.startsWith('/sessions')}>
          Sessions
        </NavLink>
        <ApprovalsLink isHere={path.startsWith('/approvals')} />
        {me.can.readAudit ? (
          <>
            <NavLink href="/audit" isHere={path.startsWith('/audit')}>
              Audit
            </NavLink>
            <NavLink href="/policy" isHere={path.startsWith('/policy')}>
              Policy
            </NavLink>
          </>
        ) : null}
      </nav>
      <div className="topbar-end">
        <Expiry at={me.signInEndsAt ?? me.expiresAt} />
        <button type="button" className="palette-button" onClick={onPalette}>
          <SearchIcon />
          <span className="palette-words">Go to…</span>
          <kbd aria-hidden="true">{/Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘K' : 'Ctrl K'}</kbd>
        </button>
        <Health />
        <UserMenu me={me} onShortcuts={onShortcuts} />
      </div>
    </header>
  )
}

function NavLink({ href, isHere, children }: { href: string; isHere: boolean; children: string }) {
  return (
    <Link href={href} className="nav-link" aria-current={isHere ? 'page' : undefined}>
      {children}
    </Link>
  )
}

/** Only for those who have something to decide; the others never see the word. */
function ApprovalsLink({ isHere }: { isHere: boolean }) {
  const list = useApprovals('badge').data
  const count = (list?.requests.length ?? 0) + (list?.reviews.length ?? 0)
  if (count === 0 && !isHere) return null
  return (
    <Link href="/approvals" className="nav-link" aria-current={isHere ? 'page' : undefined}>
      Approvals
      {count === 0 ? null : (
        <span className="nav-count">
          {badgeCount(count)} <span className="visually-hidden">waiting for you</span>
        </span>
      )}
    </Link>
  )
}

/** In the last five minutes of a sign-in: how long is left, and a way to renew it without leaving. */
function Expiry({ at }: { at: string }) {
  const left = Date.parse(at) - useNow(1000)
  if (left > 5 * 60_000) return null
  return (
    <button
      type="button"
      className="expiry"
      title="Sign in again now and keep this page"
      onClick={askForSignIn}
    >
      <span className="wide-only">{left > 0 ? 'Signed in for ' : 'Sign-in ended, '}</span>
      {left > 0 ? clock(left) : 'renew'}
    </button>
  )
}
