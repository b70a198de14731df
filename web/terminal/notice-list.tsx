import type { Me } from '../../server/protocol/sign-in-api.ts'
import type { Viewer } from '../../server/protocol/session-api.ts'
import { isMe } from '../lib/person.ts'
import { useMe } from '../lib/queries.ts'
import { useNow } from '../lib/use-now.ts'
import type { OpenTerminal, OpenTerminalState } from './open-terminal.ts'
import { Button } from '../components/button.tsx'
import { CrossIcon } from '../components/icons.tsx'
import './notice-list.css'

const warnBelowMs = 5 * 60_000

/** What the gateway has to say, and what the page knows by itself, one calm line each. */
export function NoticeList({ terminal, state }: { terminal: OpenTerminal; state: OpenTerminalState }) {
  const left = Date.parse(state.session.deadline) - useNow(10_000)
  const running = state.end === undefined && state.session.state === 'running'
  const controller = state.viewers.find((viewer) => viewer.role === 'controller')
  const me = useMe().data
  return (
    <div className="ws-notices" aria-live="polite">
      {running && state.role === 'observer' && state.connection.kind === 'live' ? (
        <p className="ws-notice" data-level="info">
          <span>You are watching. {controlInWords(controller, me)}</span>
          {state.session.can.control ? (
            <Button onClick={() => terminal.takeControl()}>Take control</Button>
          ) : null}
        </p>
      ) : null}
      {running && left > 0 && left < warnBelowMs ? (
        <p className="ws-notice" data-level="warning">
          This session ends in less than {Math.ceil(left / 60_000)} min. What you need later should leave the
          terminal now.
        </p>
      ) : null}
      {state.notices.map((notice) => (
        <p key={notice.id} className="ws-notice" data-level={notice.level}>
          <span>{notice.text}</span>
          <button
            type="button"
            className="icon-button"
            aria-label="Dismiss"
            onClick={() => terminal.dismiss(notice.id)}
          >
            <CrossIcon />
          </button>
        </p>
      ))}
    </div>
  )
}

function controlInWords(controller: Viewer | undefined, me: Me | undefined): string {
  if (controller === undefined) return 'Nobody controls this session.'
  return isMe(controller, me) ? 'You control it in another window.' : `${controller.name} controls it.`
}
