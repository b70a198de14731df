import '../style/workspace.css'
import '@xterm/xterm/css/xterm.css'
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { useLocation } from 'wouter'
import type { Session } from '../../server/protocol/session-api.ts'
import { asApiError } from '../lib/api-error.ts'
import { api } from '../lib/api.ts'
import { TerminateDialog } from '../components/terminate-dialog.tsx'
import { isMe } from '../lib/person.ts'
import { useMe, useSession } from '../lib/queries.ts'
import { useHotkeys } from '../lib/use-hotkeys.ts'
import { useTitle } from '../lib/use-title.ts'
import { DetailsDrawer } from './details-drawer.tsx'
import { NoticeList } from './notice-list.tsx'
import type { OpenTerminal } from './open-terminal.ts'
import {
  changeFontSize,
  onTerminalCommand,
  onTerminalsChange,
  openTerminal,
  openTerminals,
} from './open-terminals.ts'
import { RunbookPanel } from './runbook-panel.tsx'
import { SessionBar } from './session-bar.tsx'
import { terminalPath } from '../lib/session-paths.ts'
import type { TerminalCommand } from './terminal-keys.ts'
import { TerminalQuestion } from './terminal-question.tsx'
import { TerminalStage } from './terminal-stage.tsx'
import { useRunbooks } from './use-runbooks.ts'
import { focusNextRegion, useRegionKey, whatIsNext } from './workspace-regions.ts'
import { useWorkspaceTabs, WorkspaceTabs, type WorkspaceTab } from './workspace-tabs.tsx'
import { ButtonLink } from '../components/button.tsx'
import './terminal-page.css'

/** The terminal workspace: tabs of my live sessions, one of them on the screen. */
export function TerminalPage({ sessionId }: { sessionId: string }) {
  const session = useSession(sessionId)
  const me = useMe().data
  const terminals = useSyncExternalStore(onTerminalsChange, openTerminals)
  const terminal = terminals.find((open) => open.id === sessionId)
  const tabs = useWorkspaceTabs()
  const [, navigate] = useLocation()
  const workspace = useRef<HTMLDivElement>(null)
  useRegionKey(workspace)

  useEffect(() => {
    if (session.data === undefined || me === undefined) return
    const mayType = session.data.can.control && isMe(session.data.user, me)
    openTerminal(session.data, mayType ? 'controller' : 'observer').update(session.data)
  }, [session.data, me])

  const closed = (tab: WorkspaceTab) => {
    if (tab.id !== sessionId) return
    const next = tabs.find((other) => other.id !== tab.id && other.terminal !== undefined)
    navigate(next === undefined ? '/sessions' : terminalPath(next.id))
  }
  return (
    <div ref={workspace} className="workspace">
      <WorkspaceTabs tabs={tabs} current={sessionId} onClosed={closed} />
      {terminal === undefined ? (
        <Unopened error={session.error} />
      ) : (
        <Workspace
          key={sessionId}
          terminal={terminal}
          tabs={tabs}
          onLeave={() => workspace.current !== null && focusNextRegion(workspace.current)}
        />
      )}
    </div>
  )
}

interface WorkspaceProps {
  terminal: OpenTerminal
  tabs: readonly WorkspaceTab[]
  /** Out of the terminal, by its key. */
  onLeave: () => void
}

function Workspace({ terminal, tabs, onLeave }: WorkspaceProps) {
  const state = useSyncExternalStore(terminal.subscribe, terminal.getState)
  const [detailsOpen, setDetailsOpen] = useState(false)
  const [searching, setSearching] = useState(false)
  const [ending, setEnding] = useState(false)
  const openSearch = useCallback(() => setSearching(true), [])
  const books = useRunbooks(terminal, state)
  const showsBooks = books.isOpen && !detailsOpen
  const toggleBooks = () => {
    // One at a time: the terminal needs the room.
    if (!books.isOpen || !detailsOpen) books.toggle()
    setDetailsOpen(false)
  }
  useTitle(pageTitle(state.session, state.title))
  useCommands(terminal, tabs, { search: openSearch, runbooks: toggleBooks, leave: onLeave })
  useHotkeys({ 'mod+L': toggleBooks })
  const cancelStart = () => {
    api(`/sessions/${encodeURIComponent(terminal.id)}`, { method: 'DELETE', body: {} }).catch(
      (cause: unknown) => terminal.notify('error', asApiError(cause).message),
    )
  }
  return (
    <>
      <SessionBar
        terminal={terminal}
        state={state}
        detailsOpen={detailsOpen}
        runbooksOpen={books.runbooks.length === 0 ? undefined : showsBooks}
        onRunbooks={toggleBooks}
        onDetails={() => setDetailsOpen(!detailsOpen)}
        onSearch={openSearch}
        onEnd={() => setEnding(true)}
      />
      <NoticeList terminal={terminal} state={state} />
      <div className="ws-main" data-books={showsBooks || undefined}>
        <TerminalStage
          terminal={terminal}
          state={state}
          searching={searching}
          onSearchClose={() => {
            setSearching(false)
            terminal.view.focus()
          }}
          onCancelStart={cancelStart}
        />
        {showsBooks ? (
          <RunbookPanel
            terminal={terminal}
            state={state}
            runbooks={books.runbooks}
            name={books.name}
            takesFocus={books.takesFocus}
            onChoose={books.choose}
            onClose={toggleBooks}
          />
        ) : null}
        {detailsOpen ? <DetailsDrawer session={state.session} onClose={() => setDetailsOpen(false)} /> : null}
      </div>
      <TerminateDialog
        session={state.session}
        isOpen={ending}
        onClose={() => setEnding(false)}
        focusAfter={whatIsNext}
      />
      {state.question === undefined ? null : (
        // Another for each: the focus begins on the harmless answer again.
        <TerminalQuestion key={state.question.id} question={state.question} />
      )}
    </>
  )
}

/** Keys that mean the workspace, pressed inside the terminal or beside it. */
function useCommands(
  terminal: OpenTerminal,
  tabs: readonly WorkspaceTab[],
  open: { search: () => void; runbooks: () => void; leave: () => void },
): void {
  const [, navigate] = useLocation()
  useEffect(() => {
    const go = (index: number) => {
      const tab = tabs[index]
      if (tab !== undefined) navigate(terminalPath(tab.id))
    }
    const run = (command: TerminalCommand) => {
      const present = tabs.findIndex((tab) => tab.id === terminal.id)
      if (command.kind === 'copy') void terminal.view.copySelection()
      else if (command.kind === 'search') open.search()
      else if (command.kind === 'runbooks') open.runbooks()
      else if (command.kind === 'leave') open.leave()
      else if (command.kind === 'font') changeFontSize(command.change)
      else if (command.kind === 'tab') go(command.index)
      else if (command.kind === 'next-tab') go((present + command.step + tabs.length) % tabs.length)
    }
    onTerminalCommand(run)
    return () => onTerminalCommand(() => undefined)
  }, [terminal, tabs, open, navigate])
}

function Unopened({ error }: { error: Error | null }) {
  if (error === null) {
    return (
      <div className="ws-stage" aria-busy="true">
        <h1 className="visually-hidden">Terminal</h1>
      </div>
    )
  }
  const { title, message } = asApiError(error)
  return (
    <div className="ws-stage">
      <div className="ws-stage-screen">
        <section className="ws-stage-card" role="alert">
          <h1>{title}</h1>
          <p>{message}</p>
          <ButtonLink kind="primary" href="/sessions">
            All sessions
          </ButtonLink>
        </section>
      </div>
    </div>
  )
}

function pageTitle(session: Session, title: string): string {
  return title === '' ? session.target.name : `${title} · ${session.target.name}`
}
