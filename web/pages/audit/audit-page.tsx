import { useMemo } from 'react'
import { Link } from 'wouter'
import type { AuditEvent } from '../../../server/protocol/audit-api.ts'
import type { Me } from '../../../server/protocol/sign-in-api.ts'
import { Badge } from '../../components/badge.tsx'
import type { Tone } from '../../lib/tone.ts'
import { Button, ButtonLink } from '../../components/button.tsx'
import { DataTable, type Columns } from '../../components/data-table.tsx'
import { EmptyState } from '../../components/empty-state.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { LockIcon } from '../../components/icons.tsx'
import { SearchField } from '../../components/search-field.tsx'
import { SelectField } from '../../components/select-field.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { moment, shortMoment } from '../../lib/format.ts'
import { useAudit } from '../../lib/queries.ts'
import { useTitle } from '../../lib/use-title.ts'
import { useUrlState } from '../../lib/use-url-state.ts'
import { auditInWords, auditKinds, factsInWords } from '../../lib/words.ts'
import { sinceFilters, sinceMoment } from '../../lib/since.ts'

/** Who did what, when, by which rule and why. */
export function AuditPage({ me }: { me: Me }) {
  useTitle('Audit')
  if (me.can.readAudit) return <AuditLog />
  return (
    <div className="page">
      <EmptyState
        title="You may not read the audit log"
        icon={<LockIcon />}
        actions={<ButtonLink href="/">All targets</ButtonLink>}
      >
        <p>
          A policy rule with the action <code>read-audit</code> allows it.
        </p>
      </EmptyState>
    </div>
  )
}

function AuditLog() {
  const [parameters, update] = useUrlState()
  const value = (name: string): string => parameters.get(name) ?? ''
  const since = value('since')
  const from = useMemo(() => sinceMoment(since), [since])
  const query = useAudit({
    kind: value('kind'),
    user: value('user'),
    session: value('session'),
    target: value('target'),
    q: value('q'),
    from,
  })
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data])
  const isFiltered = [...parameters.keys()].length > 0
  return (
    <div className="page">
      <h1 className="visually-hidden">Audit</h1>
      <search className="toolbar">
        <SearchField
          label="Search the audit log"
          placeholder="Search user, target or reason"
          value={value('q')}
          isBusy={query.isPending || query.isPlaceholderData}
          onChange={(q) => update({ q })}
        />
        <SelectField
          label="Event"
          value={value('kind')}
          options={[['', 'All events'], ...auditKinds.map((kind) => [kind, auditInWords(kind)] as const)]}
          onChange={(kind) => update({ kind })}
        />
        <SelectField
          label="Time"
          value={since}
          options={sinceFilters}
          onChange={(next) => update({ since: next })}
        />
        <Button isBusy={query.isFetching && !query.isFetchingNextPage} onClick={() => void query.refetch()}>
          Refresh
        </Button>
        {value('session') === '' ? null : (
          <button
            type="button"
            className="chip"
            onClick={() => update({ session: '' })}
            aria-label="Remove the filter on one session"
          >
            Session: <span className="mono">{value('session').slice(0, 8)}…</span> ×
          </button>
        )}
      </search>
      {query.isPending ? (
        <Skeleton label="Loading the audit log" rows={8} />
      ) : query.data === undefined ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} isRetrying={query.isFetching} />
      ) : rows.length === 0 ? (
        <EmptyState
          title={isFiltered ? 'No event fits' : 'No events yet'}
          actions={
            isFiltered ? (
              <Button
                onClick={() => update({ q: '', kind: '', since: '', user: '', session: '', target: '' })}
              >
                Clear the filters
              </Button>
            ) : undefined
          }
        />
      ) : (
        <DataTable
          label="Audit events"
          columns={columns}
          rows={rows}
          rowId={(event) => event.id}
          isBusy={query.isPlaceholderData}
        />
      )}
      {query.hasNextPage ? (
        <div className="actions middle">
          <Button isBusy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Show older events
          </Button>
        </div>
      ) : null}
    </div>
  )
}

const tones: Readonly<Record<string, Tone>> = {
  denied: 'bad',
  'sign-in-failed': 'bad',
  terminated: 'warn',
  reaped: 'warn',
  'recording-degraded': 'warn',
  exported: 'accent',
}

const columns: Columns<AuditEvent> = [
  {
    id: 'at',
    header: 'Time',
    cell: ({ row }) => (
      <time className="number muted" dateTime={row.original.at} title={moment(row.original.at)}>
        {shortMoment(row.original.at, Date.now())}
      </time>
    ),
  },
  {
    id: 'kind',
    header: 'Event',
    cell: ({ row: { original } }) => (
      <>
        <Badge tone={tones[original.kind] ?? 'neutral'}>{auditInWords(original.kind)}</Badge>
        <div className="sub-line narrow-only">
          <span>{original.who?.name ?? 'the gateway'}</span>
          <time className="number" dateTime={original.at}>
            {shortMoment(original.at, Date.now())}
          </time>
        </div>
      </>
    ),
  },
  {
    id: 'who',
    header: 'Who',
    cell: ({ row: { original } }) => (
      <span className="cut" title={[original.who?.subject, original.from].filter(Boolean).join(' from ')}>
        {original.who?.name ?? <span className="faint">the gateway</span>}
      </span>
    ),
  },
  {
    id: 'target',
    header: 'Target',
    cell: ({ row: { original } }) => {
      const rule =
        original.rule === undefined ? null : (
          <div className="sub-line narrow-only">
            <span>rule {original.rule}</span>
          </div>
        )
      if (original.sessionId === undefined)
        return (
          <>
            <span className="mono muted cut">{original.target ?? '—'}</span>
            {rule}
          </>
        )
      return (
        <>
          <Link
            href={`/sessions/${encodeURIComponent(original.sessionId)}`}
            data-row-link=""
            className="mono cut"
            title={`Session ${original.sessionId}`}
          >
            {original.target ?? `session ${original.sessionId.slice(0, 8)}`}
          </Link>
          {rule}
        </>
      )
    },
  },
  { id: 'detail', header: 'Why', cell: ({ row }) => <Detail event={row.original} /> },
  {
    id: 'rule',
    header: 'Rule',
    cell: ({ row }) => (
      <span className="muted cut" title={row.original.rule}>
        {row.original.rule ?? '—'}
      </span>
    ),
  },
]

function Detail({ event }: { event: AuditEvent }) {
  const words = [event.reason, event.action, ...factsInWords(event.detail)].filter(Boolean).join(' · ')
  return (
    <span className="muted cut" title={words}>
      {words === '' ? '—' : words}
    </span>
  )
}
