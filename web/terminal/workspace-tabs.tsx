import { useSyncExternalStore } from 'react'
import { Link } from 'wouter'
import { useMyLiveSessions } from '../queries.ts'
import type { OpenTerminal } from './open-terminal.ts'
import { closeTerminal, onTerminalsChange, openTerminals } from './open-terminals.ts'
import { terminalPath } from './session-paths.ts'

/** One tab of the workspace: an open terminal, or a live session of mine that is not open here. */
export interface WorkspaceTab {
  id: string
  name: string
  terminal: OpenTerminal | undefined
}

/** Open terminals in the order of their opening, then my other live sessions. */
export function useWorkspaceTabs(): WorkspaceTab[] {
  const terminals = useSyncExternalStore(onTerminalsChange, openTerminals)
  const live = useMyLiveSessions().data?.items ?? []
  const open = terminals.map((terminal) => ({
    id: terminal.id,
    name: terminal.getState().session.target.name,
    terminal,
  }))
  const others = live
    .filter((session) => !terminals.some((terminal) => terminal.id === session.id))
    .map((session) => ({ id: session.id, name: session.target.name, terminal: undefined }))
  return [...open, ...others]
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
            title={index < 9 ? `Alt+${index + 1}` : undefined}
          >
            {tab.terminal === undefined ? <TabDot state="elsewhere" /> : <LiveDot terminal={tab.terminal} />}
            <span className="ws-tab-name">{tab.name}</span>
          </Link>
          {tab.terminal === undefined ? null : (
            <button
              type="button"
              className="ws-tab-close"
              aria-label={`Close ${tab.name}; the session goes on`}
              title="Close the tab; a running session goes on"
              onClick={() => {
                closeTerminal(tab.id)
                onClosed(tab)
              }}
            >
              ×
            </button>
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

function LiveDot({ terminal }: { terminal: OpenTerminal }) {
  const state = useSyncExternalStore(terminal.subscribe, terminal.getState)
  if (state.end !== undefined) return <TabDot state="ended" />
  return <TabDot state={state.connection.kind === 'live' ? 'live' : 'broken'} />
}

const dotWords = {
  live: 'connected',
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
