import { useMemo } from 'react'
import type { Me } from '../../../server/protocol/sign-in-api.ts'
import type { Session } from '../../../server/protocol/session-api.ts'
import { Button } from '../../components/button.tsx'
import { DataTable } from '../../components/data-table.tsx'
import { EmptyState } from '../../components/empty-state.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { SearchField } from '../../components/search-field.tsx'
import { SelectField } from '../../components/select-field.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { useSessions } from '../../lib/queries.ts'
import { useTitle } from '../../lib/use-title.ts'
import { useUrlState } from '../../lib/use-url-state.ts'
import { EnvironmentProblems } from '../../components/environment-problems.tsx'
import { sessionColumns } from './session-columns.tsx'
import { sinceFilters, sinceMoment } from '../../lib/since.ts'

const stateFilters = [
  ['', 'Live and past'],
  ['pending-approval,starting,running', 'Live'],
  ['ended', 'Past'],
] as const

/** Who debugged what, when, and how it ended. */
export function SessionsPage({ me }: { me: Me }) {
  useTitle('Sessions')
  const [parameters, update] = useUrlState()
  const value = (name: string): string => parameters.get(name) ?? ''
  const since = value('since')
  const from = useMemo(() => sinceMoment(since), [since])
  const query = useSessions({
    state: value('state'),
    user: value('user'),
    target: value('target'),
    q: value('q'),
    from,
  })
  const columns = useMemo(() => sessionColumns(me), [me])
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data])
  const user = value('user')
  return (
    <div className="page">
      <h1 className="visually-hidden">Sessions</h1>
      <search className="toolbar">
        <SearchField
          label="Search sessions"
          placeholder="Search target, user, reason or ticket"
          value={value('q')}
          isBusy={query.isPending || query.isPlaceholderData}
          onChange={(q) => update({ q })}
        />
        <SelectField
          label="State"
          value={value('state')}
          options={stateFilters}
          onChange={(state) => update({ state })}
        />
        <SelectField
          label="User"
          value={user}
          options={[
            ['', 'Everybody'],
            ['me', 'Me'],
            ...(user === '' || user === 'me' ? [] : [[user, user] as const]),
          ]}
          onChange={(next) => update({ user: next })}
        />
        <SelectField
          label="Time"
          value={since}
          options={sinceFilters}
          onChange={(next) => update({ since: next })}
        />
        <FilterChip name="Target" value={value('target')} onClear={() => update({ target: '' })} />
      </search>
      {query.isPending ? (
        <Skeleton label="Loading sessions" rows={8} />
      ) : query.data === undefined ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} isRetrying={query.isFetching} />
      ) : (
        <>
          <EnvironmentProblems problems={[]} error={query.error} onRetry={() => void query.refetch()} />
          <SessionRows
            rows={rows}
            columns={columns}
            isBusy={query.isPlaceholderData}
            isFiltered={[...parameters.keys()].length > 0}
            onClear={() => update({ q: '', state: '', user: '', since: '', target: '' })}
          />
          {query.hasNextPage ? (
            <div className="actions middle">
              <Button isBusy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                Show older sessions
              </Button>
            </div>
          ) : null}
        </>
      )}
    </div>
  )
}

interface SessionRowsProps {
  rows: Session[]
  columns: ReturnType<typeof sessionColumns>
  isBusy: boolean
  isFiltered: boolean
  onClear: () => void
}

function SessionRows({ rows, columns, isBusy, isFiltered, onClear }: SessionRowsProps) {
  if (rows.length > 0) {
    return (
      <DataTable
        label="Sessions"
        columns={columns}
        rows={rows}
        rowId={(session) => session.id}
        isBusy={isBusy}
      />
    )
  }
  return isFiltered ? (
    <EmptyState title="No session fits" actions={<Button onClick={onClear}>Clear the filters</Button>} />
  ) : (
    <EmptyState title="No sessions yet">
      <p>Every debug session shows here, live ones first, with its recording.</p>
    </EmptyState>
  )
}

/** A filter that came by a link and has no control of its own. */
function FilterChip({ name, value, onClear }: { name: string; value: string; onClear: () => void }) {
  if (value === '') return null
  return (
    <button
      type="button"
      className="chip"
      onClick={onClear}
      aria-label={`Remove the filter ${name} ${value}`}
    >
      {name}: <span className="mono">{value}</span> ×
    </button>
  )
}
