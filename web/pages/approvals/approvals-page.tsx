import type { ComponentType } from 'react'
import { Link } from 'wouter'
import type { ApprovalList, Session } from '../../../server/protocol/session-api.ts'
import { needsInWords, tallyInWords } from '../../lib/approval-words.ts'
import { api } from '../../lib/api.ts'
import { Badge } from '../../components/badge.tsx'
import { ButtonLink } from '../../components/button.tsx'
import { EmptyState } from '../../components/empty-state.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { CheckIcon } from '../../components/icons.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { toast } from '../../components/toasts.tsx'
import { duration, inWords, moment, shortMoment } from '../../lib/format.ts'
import { useApprovals } from '../../lib/queries.ts'
import { replayPath, terminalPath } from '../../lib/session-paths.ts'
import { useNow } from '../../lib/use-now.ts'
import { useTitle } from '../../lib/use-title.ts'
import { shownCommand } from '../../../server/protocol/shown-command.ts'
import { Row } from '../../components/panel.tsx'
import { CopyBadge, PodOf } from '../../components/session-place.tsx'
import { VerdictForm, type Verdict } from './verdict-form.tsx'
import './approvals-page.css'

/** What waits for me: requests to decide on, and sessions that were started without the approval. */
export function ApprovalsPage() {
  useTitle('Approvals')
  const query = useApprovals('page')
  return (
    <div className="page details-page">
      <h1 className="visually-hidden">Approvals</h1>
      {query.isPending ? (
        <Skeleton label="Loading approvals" rows={6} />
      ) : query.data === undefined ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} isRetrying={query.isFetching} />
      ) : (
        <Waiting list={query.data} />
      )}
    </div>
  )
}

function Waiting({ list: { requests, reviews } }: { list: ApprovalList }) {
  if (requests.length + reviews.length === 0) {
    return (
      <EmptyState
        title="Nothing waits for you"
        icon={<CheckIcon />}
        actions={<ButtonLink href="/sessions">All sessions</ButtonLink>}
      >
        <p>
          Requests that you may approve and break-glass sessions that you have to review appear here by
          themselves.
        </p>
      </EmptyState>
    )
  }
  return (
    <div className="stack wide-gap">
      <Section title="Requests" sessions={requests} Item={Request} />
      <Section title="Started without approval, to be reviewed" sessions={reviews} Item={Review} />
    </div>
  )
}

interface SectionProps {
  title: string
  sessions: readonly Session[]
  Item: ComponentType<{ session: Session }>
}

function Section({ title, sessions, Item }: SectionProps) {
  if (sessions.length === 0) return null
  return (
    <section aria-label={title}>
      <h2 className="section-title">
        {title} <Badge>{sessions.length}</Badge>
      </h2>
      <ul className="stack verdicts">
        {sessions.map((session) => (
          <li key={session.id}>
            <Item session={session} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Request({ session }: { session: Session }) {
  const { id, approval, user, target } = session
  const now = useNow(1000)
  const decide = (decision: 'approve' | 'deny') => async (reason: string) => {
    await api(`/sessions/${encodeURIComponent(id)}/decision`, {
      method: 'POST',
      body: { decision, ...(reason === '' ? {} : { reason }) },
    })
    toast('ok', decision === 'approve' ? 'Approved' : 'Denied', `${user.name} in ${target.ref}`)
  }
  const verdicts: Verdict[] = [
    {
      word: 'Approve',
      label: `Approve the request of ${user.name} for ${target.ref}`,
      kind: 'primary',
      send: decide('approve'),
    },
    {
      word: 'Deny',
      label: `Deny the request of ${user.name} for ${target.ref}`,
      kind: 'danger',
      needsReason: `Say why: ${user.name} and the audit trail get it.`,
      send: decide('deny'),
    },
  ]
  return (
    <article className="panel" aria-label={`Request of ${user.name} for ${target.ref}`}>
      <Head session={session} words={session.run === true ? 'asks to run a command in' : 'asks for'} />
      <dl>
        <Why session={session} />
        <What session={session} />
        <Row name="Approvals">
          {(approval?.needs ?? []).map((need) => (
            <div key={need.rule} title={need.rule}>
              {tallyInWords(need)}
            </div>
          ))}
          {(approval?.votes ?? []).map((vote) => (
            <div key={vote.by.subject} className="muted">
              {vote.by.name} {vote.decision === 'approve' ? 'approved' : 'denied'}
              {vote.reason === undefined ? '' : `: ${vote.reason}`}
            </div>
          ))}
        </Row>
        <Row name="Expires">
          <time dateTime={session.deadline} title={moment(session.deadline)}>
            in {duration(Date.parse(session.deadline) - now)}
          </time>
        </Row>
      </dl>
      <VerdictForm verdicts={verdicts} hint="Needed to deny. Kept in the audit trail." />
    </article>
  )
}

function Review({ session }: { session: Session }) {
  const { id, breakGlass, user, target } = session
  const review = (verdict: 'justified' | 'unjustified') => async (reason: string) => {
    await api(`/sessions/${encodeURIComponent(id)}/review`, { method: 'POST', body: { verdict, reason } })
    toast('ok', 'Reviewed', `${user.name} in ${target.ref}`)
  }
  const needsReason = 'Say why. It is kept in the audit trail.'
  const about = `the session of ${user.name} in ${target.ref}`
  const verdicts: Verdict[] = [
    {
      word: 'Justified',
      label: `Justified: ${about}`,
      kind: 'primary',
      needsReason,
      send: review('justified'),
    },
    {
      word: 'Not justified',
      label: `Not justified: ${about}`,
      kind: 'danger',
      needsReason,
      send: review('unjustified'),
    },
  ]
  return (
    <article className="panel" aria-label={`Review of ${about}`}>
      <Head session={session} words="broke the glass for" />
      <dl>
        <Why session={session} />
        <What session={session} />
        <Row name="Without">{needsInWords(breakGlass?.needs ?? [])}</Row>
        <Row name="When">
          {moment(session.requestedAt)}
          {session.startedAt === undefined || session.endedAt === undefined
            ? ''
            : `, for ${duration(Date.parse(session.endedAt) - Date.parse(session.startedAt))}`}
        </Row>
      </dl>
      <Look session={session} />
      {session.can.review ? (
        <VerdictForm verdicts={verdicts} hint="Needed. Kept in the audit trail." />
      ) : (
        <p className="muted">It still runs. It can be reviewed when it has ended.</p>
      )}
    </article>
  )
}

/** What a reviewer looks at first. */
function Look({ session }: { session: Session }) {
  const isLive = session.state !== 'ended'
  const canReplay = !isLive && session.can.replay && session.recording.state !== 'missing'
  if (!canReplay && !(isLive && session.can.watch)) return null
  return (
    <div className="actions">
      {canReplay ? (
        <ButtonLink href={replayPath(session.id)}>Replay</ButtonLink>
      ) : (
        <ButtonLink href={terminalPath(session.id)}>Watch</ButtonLink>
      )}
    </div>
  )
}

function Head({ session, words }: { session: Session; words: string }) {
  const now = useNow(10_000)
  return (
    <header className="verdict-head">
      <h3>
        {session.user.name} <span className="muted">{words}</span>{' '}
        <Link href={`/sessions/${encodeURIComponent(session.id)}`} className="mono quiet-link">
          {session.target.ref}
        </Link>{' '}
        <CopyBadge session={session} />
      </h3>
      <div className="target-facts">
        <span className="mono">{session.user.subject}</span>
        <time dateTime={session.requestedAt} title={moment(session.requestedAt)}>
          {shortMoment(session.requestedAt, now)}
        </time>
        <PodOf session={session} />
      </div>
    </header>
  )
}

function Why({ session }: { session: Session }) {
  return (
    <>
      <Row name="Reason">{session.reason ?? <span className="faint">none given</span>}</Row>
      {session.ticket === undefined ? null : <Row name="Ticket">{session.ticket}</Row>}
    </>
  )
}

function What({ session }: { session: Session }) {
  const { identity, approval, command, cwd } = session
  return (
    <>
      <Row name="Runs">
        <span className="mono">{session.toolbox}</span>
        {approval === undefined ? null : <span className="mono muted"> {approval.plan.image}</span>}
        {command === undefined ? null : <code className="run-line">{shownCommand(command)}</code>}
        {cwd === undefined ? null : <span className="mono muted"> in {shownCommand([cwd])}</span>}
      </Row>
      <Row name="Beside">
        <span className="mono">{session.target.image}</span>
      </Row>
      {session.process === undefined ? null : (
        <Row name="Process">
          <span className="mono">{session.process}</span> <span className="muted">was asked for</span>
        </Row>
      )}
      <Row name="As">
        profile <span className="mono">{session.profile}</span>
        {identity === undefined ? null : (
          <>
            ,{' '}
            <code>
              {identity.uid}:{identity.gid}
            </code>{' '}
            {identity.capabilities.map((capability) => (
              <Badge key={capability} tone={capability === 'ALL' ? 'bad' : 'neutral'}>
                {capability}
              </Badge>
            ))}
            <span className="block muted">{identity.explanation}</span>
          </>
        )}
      </Row>
      {approval === undefined ? null : <Row name="At most">{inWords(approval.plan.maxDurationSeconds)}</Row>}
    </>
  )
}
