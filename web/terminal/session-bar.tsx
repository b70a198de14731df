import { Popover } from '@base-ui/react/popover'
import type { Session, Viewer } from '../../server/protocol/api.ts'
import { clock, duration } from '../format.ts'
import { useNow } from '../use-now.ts'
import { ConnectionMark } from './connection-mark.tsx'
import type { OpenTerminal, OpenTerminalState } from './open-terminal.ts'
import { TerminalMenu } from './terminal-menu.tsx'

const warnBelowMs = 5 * 60_000

interface Props {
  terminal: OpenTerminal
  state: OpenTerminalState
  detailsOpen: boolean
  onDetails: () => void
  onSearch: () => void
  onEnd: () => void
}

/** Who I am where, for how long, and who looks on. */
export function SessionBar({ terminal, state, detailsOpen, onDetails, onSearch, onEnd }: Props) {
  const { session } = state
  const ended = state.end !== undefined
  return (
    <header className="session-bar">
      <div className="session-who">
        <h1 title={session.target.ref}>{session.target.name}</h1>
        <span className="session-facts">
          <span>{session.target.environment}</span>
          <span>{session.toolbox}</span>
          <span title={session.identity?.explanation}>
            {session.profile}
            {session.identity === undefined ? '' : ` · ${session.identity.uid}:${session.identity.gid}`}
          </span>
        </span>
      </div>
      {state.title === '' ? null : <span className="session-title">{state.title}</span>}
      <div className="session-marks">
        {ended ? null : <RecordingMark session={session} />}
        {ended ? null : <Remaining deadline={session.deadline} />}
        {ended ? null : <Viewers terminal={terminal} state={state} />}
        {ended ? null : <ConnectionMark connection={state.connection} />}
      </div>
      <div className="session-tools">
        <button type="button" className="tool-button quiet" aria-expanded={detailsOpen} onClick={onDetails}>
          Details
        </button>
        <TerminalMenu terminal={terminal} onSearch={onSearch} />
        {!ended && session.can.terminate ? (
          <button type="button" className="tool-button danger-quiet" onClick={onEnd}>
            End
          </button>
        ) : null}
      </div>
    </header>
  )
}

function RecordingMark({ session }: { session: Session }) {
  if (session.recording.state === 'missing') {
    return session.state === 'running' ? <span className="mark bad">Not recorded</span> : null
  }
  return (
    <span className="mark rec" title="All output of this session is recorded.">
      <span className="rec-dot" aria-hidden="true">
        ●
      </span>{' '}
      REC
    </span>
  )
}

function Remaining({ deadline }: { deadline: string }) {
  const left = Date.parse(deadline) - useNow(1000)
  const close = left < warnBelowMs
  return (
    <span
      className={close ? 'mark warn' : 'mark'}
      title={`Policy ends this session at ${new Date(deadline).toLocaleTimeString()}.`}
    >
      {close ? clock(left) : duration(Math.ceil(left / 60_000) * 60_000)} left
    </span>
  )
}

function Viewers({ terminal, state }: { terminal: OpenTerminal; state: OpenTerminalState }) {
  const others = state.viewers.filter((viewer) => viewer.id !== state.self)
  if (others.length === 0 && state.role === 'controller') return null
  return (
    <Popover.Root>
      <Popover.Trigger className="mark mark-button">
        {state.role === 'observer' ? 'Watching' : `${others.length} watching`}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="end" className="popup-layer">
          <Popover.Popup className="popup">
            <Popover.Title className="popup-title">In this session</Popover.Title>
            <ul className="viewer-list">
              {state.viewers.map((viewer) => (
                <ViewerLine key={viewer.id} viewer={viewer} self={viewer.id === state.self} />
              ))}
            </ul>
            {state.role === 'observer' && state.session.can.control ? (
              <button type="button" className="tool-button primary" onClick={() => terminal.takeControl()}>
                Take control
              </button>
            ) : null}
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  )
}

function ViewerLine({ viewer, self }: { viewer: Viewer; self: boolean }) {
  return (
    <li>
      <span>
        {viewer.name}
        {self ? ' (you)' : ''}
      </span>
      <span className="viewer-role">{viewer.role === 'controller' ? 'controls' : 'watches'}</span>
    </li>
  )
}
