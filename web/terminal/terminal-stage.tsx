import { useEffect, useRef } from 'react'
import { ApprovalCard } from './approval-card.tsx'
import { RetryCountdown } from './connection-mark.tsx'
import { EndBar, EndCard } from './end-panel.tsx'
import { KeyBar } from './key-bar.tsx'
import type { OpenTerminal, OpenTerminalState } from './open-terminal.ts'
import { SearchBar } from './search-bar.tsx'
import { StartSteps } from './start-steps.tsx'
import { Button } from '../components/button.tsx'
import { isMe } from '../lib/person.ts'
import { useMe } from '../lib/queries.ts'
import './terminal-stage.css'

interface Props {
  terminal: OpenTerminal
  state: OpenTerminalState
  searching: boolean
  onSearchClose: () => void
  onCancelStart: () => void
}

/** The screen itself, and what is laid over it when it cannot be typed into. */
export function TerminalStage({ terminal, state, searching, onSearchClose, onCancelStart }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const { session, end } = state
  const waiting = end === undefined && session.state === 'pending-approval'
  const starting = end === undefined && session.state === 'starting'
  // A session that never ran, or that was over before this page came, has no screen to keep.
  const blank = end !== undefined && !state.drawn
  const hidden = waiting || starting || blank
  useEffect(() => {
    host.current?.append(terminal.view.element)
    return () => terminal.view.element.remove()
  }, [terminal])
  useEffect(() => {
    if (hidden) return
    terminal.view.fit()
    terminal.view.focus()
  }, [terminal, hidden])

  return (
    <div className="ws-stage" data-region="terminal">
      <div className="ws-stage-screen" data-dim={end === undefined && state.connection.kind !== 'live'}>
        <div ref={host} className="ws-stage-host" data-hidden={hidden} data-role={state.role} />
        {waiting ? <ApprovalCard session={session} onWithdraw={onCancelStart} /> : null}
        {starting ? (
          <StartSteps session={session} progress={state.progress} onCancel={onCancelStart} />
        ) : null}
        {end !== undefined && blank ? <EndCard session={session} end={end} /> : null}
        {waiting || starting ? null : <LineCard terminal={terminal} state={state} />}
        {searching ? <SearchBar terminal={terminal} found={state.found} onClose={onSearchClose} /> : null}
        {state.linkHint === undefined ? null : <div className="ws-stage-hint">{state.linkHint}</div>}
        {state.inputDropped ? (
          <div className="ws-stage-toast" aria-live="polite">
            Not sent: there is no connection.
          </div>
        ) : null}
        {state.paste === undefined ? null : <PasteProgress terminal={terminal} paste={state.paste} />}
      </div>
      {end !== undefined && !blank ? <EndBar session={session} end={end} /> : null}
      {end === undefined && state.role === 'controller' ? (
        <KeyBar terminal={terminal} ctrl={state.ctrl} />
      ) : null}
    </div>
  )
}

/** What to do about a line that does not carry. */
function LineCard({ terminal, state }: { terminal: OpenTerminal; state: OpenTerminalState }) {
  const { connection } = state
  if (state.end !== undefined) return null
  if (connection.kind === 'retrying') {
    return (
      <div className="ws-stage-toast" aria-live="polite">
        <span>
          {connection.why ?? 'Connection lost.'} The session goes on; trying again{' '}
          <RetryCountdown at={connection.at} />.
        </span>
        <Button onClick={() => terminal.retryNow()}>Try now</Button>
      </div>
    )
  }
  if (connection.kind === 'control-taken') {
    return <ControlTaken terminal={terminal} state={state} by={connection.by} />
  }
  if (connection.kind === 'refused') {
    return (
      <section className="ws-stage-card ws-floating" role="alert">
        <h2>Disconnected</h2>
        <p>{connection.detail}</p>
        <Button kind="primary" onClick={() => terminal.retryNow()}>
          Connect again
        </Button>
      </section>
    )
  }
  return null
}

function ControlTaken({
  terminal,
  state,
  by,
}: {
  terminal: OpenTerminal
  state: OpenTerminalState
  by: string
}) {
  const me = useMe().data
  const controller = state.viewers.find((viewer) => viewer.role === 'controller')
  const isMine = controller !== undefined && isMe(controller, me)
  return (
    <section className="ws-stage-card ws-floating" role="alert">
      <h2>
        {isMine ? 'You opened this session in another window' : `${by === '' ? 'Somebody' : by} took control`}
      </h2>
      <p>It goes on there. One window at a time can type; others can watch.</p>
      <div className="ws-end-links">
        <Button onClick={() => terminal.watch()}>Watch</Button>
        {state.session.can.control ? (
          <Button kind="primary" onClick={() => terminal.takeControl()}>
            Take it back
          </Button>
        ) : null}
      </div>
    </section>
  )
}

function PasteProgress({
  terminal,
  paste,
}: {
  terminal: OpenTerminal
  paste: { sentBytes: number; totalBytes: number }
}) {
  const percent = Math.floor((paste.sentBytes / paste.totalBytes) * 100)
  return (
    <div className="ws-stage-toast" aria-live="polite">
      <span>Pasting… {percent}%</span>
      <progress max={paste.totalBytes} value={paste.sentBytes} aria-label="Paste" />
      <Button onClick={() => terminal.cancelPaste()}>Stop</Button>
    </div>
  )
}
