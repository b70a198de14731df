import { useSyncExternalStore } from 'react'
import { Link } from 'wouter'
import { useMyLiveSessions } from '../lib/queries.ts'
import { useNow } from '../lib/use-now.ts'
import type { OpenTerminal } from './open-terminal.ts'
import { closeTerminal, onTerminalsChange, openTerminals } from './open-terminals.ts'
import { terminalPath } from '../lib/session-paths.ts'
import { tabNotes } from './tab-notes.ts'
import './workspace-tabs.css'

/** One tab of the workspace: an open terminal, or a live session of mine that is not open here. */
export interface WorkspaceTab {
  id: string
  name: string
  /** What tells it from other tabs in the same target; absent where the name does. */
  note: string | undefined
  terminal: OpenTerminal | undefined
}

/** Open terminals in the order of their opening, then my other live sessions. */
export function useWorkspaceTabs(): WorkspaceTab[] {
  const terminals = useSyncExternalStore(onTerminalsChange, openTerminals)
  const now = useNow(60_000)
  const live = useMyLiveSessions().data?.items ?? []
  const open = terminals.map((terminal) => ({ session: terminal.getState().session, terminal }))
  const others = live
    .filter((session) => !terminals.some((terminal) => terminal.id === session.id))
    .map((session) => ({ session, terminal: undefined }))
  const all = [...open, ...others]
  const notes = tabNotes(
    all.map(({ session }) => session),
    now,
  )
  return all.map(({ session, terminal }, index) => ({
    id: session.id,
    name: session.target.name,
    note: notes[index],
    terminal,
  }))
}

interface Props {
  tabs: readonly WorkspaceTab[]
  current: string
  /** Called with the tab that was closed. */
  onClosed: (tab: WorkspaceTab) => void
}

export function WorkspaceTabs({ tabs, current, onClosed }: Props) {
  return (
    <nav className="ws-tabs" aria-label="Terminals">
      {tabs.map((tab, index) => (
        <span key={tab.id} className="ws-tab" data-current={tab.id === current}>
          <Link
            href={terminalPath(tab.id)}
            aria-current={tab.id === current ? 'page' : undefined}
            title={[tab.note, index < 9 ? `Alt+${index + 1}` : undefined].filter(Boolean).join(' · ')}
          >
            {tab.terminal === undefined ? <TabDot state="elsewhere" /> : <LiveDot terminal={tab.terminal} />}
            <span className="ws-tab-name">{tab.name}</span>
            {tab.note === undefined ? null : <span className="ws-tab-note">{tab.note}</span>}
          </Link>
          {tab.terminal === undefined ? null : (
            <CloseTab
              name={tab.note === undefined ? tab.name : `${tab.name} ${tab.note}`}
              terminal={tab.terminal}
              onClose={() => {
                closeTerminal(tab.id)
                onClosed(tab)
              }}
            />
          )}
        </span>
      ))}
      <Link
        className="ws-tab-new"
        href="/"
        aria-label="Open another container"
        title="Open another container"
      >
        +
      </Link>
      {/* Read out with the terminal itself. */}
      <span className="ws-leave-hint" aria-hidden="true">
        <kbd>F6</kbd> leaves the terminal
      </span>
    </nav>
  )
}

interface CloseTabProps {
  name: string
  terminal: OpenTerminal
  onClose: () => void
}

function CloseTab({ name, terminal, onClose }: CloseTabProps) {
  const { end } = useSyncExternalStore(terminal.subscribe, terminal.getState)
  return (
    <button
      type="button"
      className="ws-tab-close"
      aria-label={end === undefined ? `Close ${name}; the session goes on` : `Close ${name}`}
      title={end === undefined ? 'Close the tab; the session goes on' : 'Close the tab'}
      onClick={onClose}
    >
      ×
    </button>
  )
}

function LiveDot({ terminal }: { terminal: OpenTerminal }) {
  const state = useSyncExternalStore(terminal.subscribe, terminal.getState)
  if (state.end !== undefined) return <TabDot state="ended" />
  if (state.connection.kind !== 'live') return <TabDot state="broken" />
  return <TabDot state={state.session.state === 'running' ? 'live' : 'waiting'} />
}

const dotWords = {
  live: 'connected',
  waiting: 'not running yet',
  broken: 'not connected',
  ended: 'ended',
  elsewhere: 'running, not open here',
} as const

function TabDot({ state }: { state: keyof typeof dotWords }) {
  return (
    <span className="ws-tab-dot" data-state={state} title={dotWords[state]}>
      <span className="visually-hidden">{dotWords[state]}</span>
    </span>
  )
}
