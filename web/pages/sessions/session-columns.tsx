import { Link } from 'wouter'
import type { Me } from '../../../server/protocol/sign-in-api.ts'
import type { Session } from '../../../server/protocol/session-api.ts'
import { requestEndInWords } from '../../lib/approval-words.ts'
import { Dot } from '../../components/badge.tsx'
import type { Tone } from '../../lib/tone.ts'
import type { Columns } from '../../components/data-table.tsx'
import { PlayIcon, TerminalIcon } from '../../components/icons.tsx'
import { duration, moment, shortMoment } from '../../lib/format.ts'
import { isMe } from '../../lib/person.ts'
import { useNow } from '../../lib/use-now.ts'
import { endInWords, isCalmEnd, stateWords } from '../../lib/words.ts'
import {
  BreakGlassBadge,
  CommandLine,
  CopyBadge,
  placeBehindRef,
  RunBadge,
} from '../../components/session-place.tsx'

/** What a session's row shows. Made once per user: a renderer that changes would mount every cell anew. */
export function sessionColumns(me: Me): Columns<Session> {
  return [
    {
      id: 'target',
      header: 'Target',
      cell: ({ row }) => <Target session={row.original} me={me} />,
    },
    { id: 'outcome', header: 'State', cell: ({ row }) => <Outcome session={row.original} /> },
    {
      id: 'user',
      header: 'User',
      cell: ({ row }) => (
        <span className="cut" title={row.original.user.subject}>
          {nameOf(row.original, me)}
        </span>
      ),
    },
    {
      id: 'reason',
      header: 'Reason',
      cell: ({ row: { original } }) => (
        <span className="muted cut" title={original.reason}>
          {original.ticket === undefined ? null : <span className="mono">{original.ticket} </span>}
          {original.reason ?? (original.ticket === undefined ? '—' : '')}
        </span>
      ),
    },
    {
      id: 'started',
      header: 'Started',
      cell: ({ row }) => (
        <time
          className="number muted"
          dateTime={row.original.requestedAt}
          title={moment(row.original.requestedAt)}
        >
          {shortMoment(row.original.requestedAt, Date.now())}
        </time>
      ),
    },
    {
      id: 'duration',
      header: 'Duration',
      cell: ({ row }) => <Length session={row.original} />,
    },
    {
      id: 'action',
      header: () => <span className="visually-hidden">Action</span>,
      cell: ({ row }) => <Action session={row.original} />,
    },
  ]
}

/** How long it ran, or runs; a dash for one that never did. */
export function lengthOf(session: Session, now: number): string {
  if (session.startedAt === undefined) return '—'
  const end = session.endedAt === undefined ? now : Date.parse(session.endedAt)
  return duration(end - Date.parse(session.startedAt))
}

function nameOf({ user }: Session, me: Me): string {
  return isMe(user, me) ? 'me' : user.name
}

function Length({ session }: { session: Session }) {
  return <span className="number muted">{lengthOf(session, useNow(10_000))}</span>
}

function Target({ session, me }: { session: Session; me: Me }) {
  const now = useNow(10_000)
  const pod = placeBehindRef(session)
  return (
    <div className="name-cell">
      <div className="name-line">
        <Link
          href={`/sessions/${encodeURIComponent(session.id)}`}
          data-row-link=""
          className="mono strong cut"
          title={session.target.ref}
        >
          {session.target.ref}
        </Link>
        <RunBadge session={session} />
        <CopyBadge session={session} />
        <BreakGlassBadge session={session} />
      </div>
      {pod === undefined ? null : (
        <div className="pod-line mono cut" title={pod}>
          {pod}
        </div>
      )}
      <CommandLine session={session} />
      <div className="sub-line narrow-only">
        <span>{nameOf(session, me)}</span>
        <span>{shortMoment(session.requestedAt, now)}</span>
        <span>{lengthOf(session, now)}</span>
      </div>
    </div>
  )
}

function toneOf(session: Session): Tone {
  if (session.state === 'running') return 'ok'
  if (session.state !== 'ended') return 'warn'
  return session.end === undefined || isCalmEnd(session.end) ? 'neutral' : 'bad'
}

/** State, or how it ended, in words. */
export function Outcome({ session }: { session: Session }) {
  const words =
    requestEndInWords(session) ??
    (session.end === undefined ? stateWords[session.state] : endInWords(session.end, session))
  return (
    <span className="state-cell" title={session.end?.detail ?? words}>
      <Dot tone={toneOf(session)} isLive={session.state !== 'ended'} />
      <span className="cut">{words}</span>
    </span>
  )
}

function Action({ session }: { session: Session }) {
  const path = `/sessions/${encodeURIComponent(session.id)}`
  if (session.state !== 'ended') {
    if (session.run === true || (!session.can.watch && !session.can.control)) return null
    const word = session.can.control ? 'Open' : 'Watch'
    return (
      <Link href={`${path}/terminal`} className="row-action" aria-label={`${word} ${session.target.ref}`}>
        <TerminalIcon /> <span className="wide-only">{word}</span>
      </Link>
    )
  }
  if (!session.can.replay || session.recording.state === 'missing') return null
  return (
    <Link href={`${path}/replay`} className="row-action" aria-label={`Replay ${session.target.ref}`}>
      <PlayIcon /> <span className="wide-only">Replay</span>
    </Link>
  )
}
