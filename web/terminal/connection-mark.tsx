import { useNow } from '../lib/use-now.ts'
import type { ConnectionState } from './terminal-connection.ts'
import './connection-mark.css'

const words: Record<ConnectionState['kind'], string> = {
  connecting: 'Connecting',
  live: 'Live',
  retrying: 'Reconnecting',
  ended: 'Ended',
  expired: 'Signed out',
  'control-taken': 'Control taken',
  refused: 'Disconnected',
}

/** The state of the line in a word. */
export function ConnectionMark({ connection }: { connection: ConnectionState }) {
  return (
    <span className="ws-mark ws-line-mark" data-line={connection.kind} aria-live="polite">
      <span className="ws-line-dot" aria-hidden="true" />
      {words[connection.kind]}
    </span>
  )
}

/** `in 3 s`, counted down. */
export function RetryCountdown({ at }: { at: number }) {
  const seconds = Math.ceil((at - useNow(250)) / 1000)
  return <>{seconds <= 0 ? 'now' : `in ${seconds} s`}</>
}
