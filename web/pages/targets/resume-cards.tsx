import { Link } from 'wouter'
import type { Session } from '../../../server/protocol/session-api.ts'
import { Dot } from '../../components/badge.tsx'
import { TerminalIcon } from '../../components/icons.tsx'
import { duration } from '../../lib/format.ts'
import { useNow } from '../../lib/use-now.ts'
import { stateWords } from '../../lib/words.ts'
import './resume-cards.css'

/** My live sessions: one click back to where I was. */
export function ResumeCards({ sessions }: { sessions: readonly Session[] }) {
  const now = useNow(10_000)
  if (sessions.length === 0) return null
  return (
    <section aria-labelledby="resume-heading" className="resume">
      <h2 id="resume-heading" className="section-title">
        Your live sessions
      </h2>
      <ul className="cards">
        {sessions.map((session) => (
          <li key={session.id}>
            <Link href={`/sessions/${encodeURIComponent(session.id)}/terminal`} className="card">
              <span className="card-icon">
                <TerminalIcon />
              </span>
              <span className="card-body">
                <span className="mono strong cut">{session.target.ref}</span>
                {session.reason === undefined ? null : (
                  <span className="card-note cut" title={session.reason}>
                    {session.reason}
                  </span>
                )}
                <span className="card-facts">
                  <Dot tone={session.state === 'running' ? 'ok' : 'warn'} isLive />
                  <span>
                    {session.state === 'running'
                      ? `${duration(now - Date.parse(session.startedAt ?? session.requestedAt))} · ${duration(Date.parse(session.deadline) - now)} left`
                      : stateWords[session.state]}
                  </span>
                </span>
              </span>
              <span className="card-action">Open</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  )
}
