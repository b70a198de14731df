import { Popover } from '@base-ui/react/popover'
import type { Session, Viewer } from '../../server/protocol/session-api.ts'
import { clock, duration } from '../lib/format.ts'
import { useNow } from '../lib/use-now.ts'
import { ConnectionMark } from './connection-mark.tsx'
import type { OpenTerminal, OpenTerminalState } from './open-terminal.ts'
import { TerminalMenu } from './terminal-menu.tsx'
import { Button } from '../components/button.tsx'
import { CopyBadge, podInWords } from '../components/session-place.tsx'
import './session-bar.css'

const warnBelowMs = 5 * 60_000

interface Props {
  terminal: OpenTerminal
  state: OpenTerminalState
  detailsOpen: boolean
  /** Absent: there is no runbook for this target. */
  runbooksOpen: boolean | undefined
  onDetails: () => void
  onRunbooks: () => void
  onSearch: () => void
  onEnd: () => void
}

/** Who I am where, for how long, and who looks on. */
export function SessionBar(props: Props) {
  const { terminal, state, detailsOpen, runbooksOpen, onDetails, onRunbooks, onSearch, onEnd } = props
  const { session } = state
  const ended = state.end !== undefined
  const running = !ended && session.state === 'running'
  // A line that carries is no news before there is a shell at its end.
  const isWaiting = !running && state.connection.kind === 'live'
  return (
    <header className="ws-session-bar">
      <div className="ws-session-who">
        <h1 title={session.target.ref}>{session.target.name}</h1>
        <CopyBadge session={session} />
        <span className="ws-session-facts">
          <span title={placeTitle(session)}>{placeInWords(session)}</span>
          <span>{session.toolbox}</span>
          <span title={session.identity?.explanation}>
            {session.profile}
            {session.identity === undefined ? '' : ` · ${session.identity.uid}:${session.identity.gid}`}
          </span>
        </span>
      </div>
      {state.title === '' ? null : <span className="ws-session-title">{state.title}</span>}
      <div className="ws-session-marks">
        {running ? <RecordingMark session={session} /> : null}
        {running ? <Remaining deadline={session.deadline} /> : null}
        {state.connection.kind === 'live' ? <Viewers terminal={terminal} state={state} /> : null}
        {ended || isWaiting ? null : <ConnectionMark connection={state.connection} />}
      </div>
      <div className="ws-session-tools" data-region="bar">
        {runbooksOpen === undefined ? null : (
          <Button aria-expanded={runbooksOpen} title="Runbooks (Ctrl Shift L)" onClick={onRunbooks}>
            Runbooks
          </Button>
        )}
        <Button aria-expanded={detailsOpen} onClick={onDetails}>
          Details
        </Button>
        <TerminalMenu
          terminal={terminal}
          onSearch={onSearch}
          onRunbooks={runbooksOpen === undefined ? undefined : onRunbooks}
        />
        {!ended && session.state !== 'pending-approval' && session.can.terminate ? (
          <Button kind="danger" onClick={onEnd}>
            Terminate
          </Button>
        ) : null}
      </div>
    </header>
  )
}

/** `prod/payments · api-7d9c / app` in a cluster, the environment in Docker. */
function placeInWords(session: Session): string {
  const { environment, namespace, name } = session.target
  const pod = podInWords(session)
  const place = namespace === undefined ? environment : `${environment}/${namespace}`
  // A pod that was asked for by its own name is in the heading already.
  return pod === undefined ? place : `${place} · ${pod.replace(`${name} / `, '')}`
}

function placeTitle({ target }: Session): string | undefined {
  return target.resolved.node === undefined ? undefined : `On node ${target.resolved.node}`
}

function RecordingMark({ session }: { session: Session }) {
  if (session.recording.state === 'missing') {
    return <span className="ws-mark ws-bad">Not recorded</span>
  }
  return (
    <span className="ws-mark ws-rec" title="All output of this session is recorded.">
      <span className="ws-rec-dot" aria-hidden="true">
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
      className={close ? 'ws-mark ws-warn' : 'ws-mark'}
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
      <Popover.Trigger className="ws-mark ws-mark-button">
        {state.role === 'observer' ? 'Watching' : `${others.length} watching`}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="end" className="layer">
          <Popover.Popup className="popup">
            <Popover.Title className="ws-popup-title">In this session</Popover.Title>
            <ul className="ws-viewer-list">
              {state.viewers.map((viewer) => (
                <ViewerLine key={viewer.id} viewer={viewer} self={viewer.id === state.self} />
              ))}
            </ul>
            {state.role === 'observer' && state.session.can.control ? (
              <Button kind="primary" onClick={() => terminal.takeControl()}>
                Take control
              </Button>
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
      <span className="ws-viewer-role">{viewer.role === 'controller' ? 'controls' : 'watches'}</span>
    </li>
  )
}
