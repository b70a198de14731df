import { useCallback, useDeferredValue, useMemo, useState } from 'react'
import type { Target, TargetList as TargetPage } from '../../../server/protocol/target-api.ts'
import { asApiError } from '../../lib/api-error.ts'
import { Button } from '../../components/button.tsx'
import { DataTable } from '../../components/data-table.tsx'
import { EmptyState } from '../../components/empty-state.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import type { useTargets } from '../../lib/queries.ts'
import { EnvironmentProblems } from '../../components/environment-problems.tsx'
import { NoTargets } from './no-targets.tsx'
import {
  clusterColumns,
  clusterColumnsOfMany,
  nodelessColumns,
  nodelessColumnsOfMany,
} from './cluster-columns.tsx'
import { targetColumns, targetColumnsOfMany } from './target-columns.tsx'
import {
  countStates,
  hasEnded,
  isFailing,
  readSort,
  withWords,
  type TargetFilters,
} from '../../lib/target-filters.ts'
import { TargetToolbar } from './target-toolbar.tsx'
import { WhomToAsk } from '../../components/whom-to-ask.tsx'

interface TargetListProps {
  query: ReturnType<typeof useTargets>
  /** Nothing is left on a further page: searched and sorted here. */
  isWhole: boolean
  filters: TargetFilters
  parameters: URLSearchParams
  update: (change: Readonly<Record<string, string>>) => void
}

const noPage: TargetPage = { items: [], total: 0, namespaces: [], states: {}, problems: [] }

/** The list with its filters, its gaps, and a way on where it is longer than a page. */
export function TargetList({ query, isWhole, filters, parameters, update }: TargetListProps) {
  const q = parameters.get('q') ?? ''
  // What is being typed is ahead of the address, until the address catches up or is changed from outside.
  const [typed, setTyped] = useState({ after: q, text: q })
  const words = typed.after === q ? typed.text : q
  const [clears, setClears] = useState(0)
  const deferred = useDeferredValue(words)
  const first = query.data?.pages[0] ?? noPage
  const items = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data])
  const shown = useMemo(() => (isWhole ? withWords(items, deferred) : items), [items, isWhole, deferred])
  const sort = readSort(parameters) ?? ''
  const sorting = useMemo(
    () => (sort === '' ? [] : [{ id: sort.replace('-', ''), desc: sort.startsWith('-') }]),
    [sort],
  )
  const problem = query.error === null ? undefined : asApiError(query.error)
  const selectorProblem = filters.selector !== '' && problem?.status === 400 ? problem.message : undefined
  const { stopped } = countStates(first.states)
  const isFiltered = Object.values(filters).some(Boolean) || words !== ''
  const total = isWhole ? shown.length : first.total
  const { fetchNextPage } = query
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage])
  if (items.length === 0 && stopped === 0 && first.problems.length === 0 && !isFiltered) return <NoTargets />
  const clear = (): void => {
    setTyped({ after: '', text: '' })
    setClears(clears + 1)
    update({ q: '', environment: '', namespace: '', kind: '', selector: '', failing: '' })
  }
  return (
    <>
      <EnvironmentProblems
        problems={first.problems}
        error={selectorProblem === undefined ? query.error : null}
        onRetry={() => void query.refetch()}
      />
      <TargetToolbar
        filters={filters}
        q={q}
        clears={clears}
        onType={(text) => setTyped({ after: q, text })}
        first={first}
        selectorProblem={selectorProblem}
        total={total}
        // What is filtered on the spot is behind the words for a moment, too short to dim the table.
        isBusy={query.isPlaceholderData || (isWhole && deferred !== words)}
        update={update}
      />
      {selectorProblem !== undefined ? null : shown.length === 0 ? (
        <NothingFits
          filters={filters}
          words={words}
          stopped={stopped}
          onClear={isFiltered ? clear : undefined}
          onStopped={() => update({ stopped: '1', failing: '' })}
        />
      ) : (
        <TargetTable
          rows={shown}
          total={total}
          isBusy={query.isPlaceholderData}
          sorting={sorting}
          isSorted={!isWhole}
          onSort={(next) => update({ sort: next })}
          onMore={query.isFetchingNextPage || query.isFetchNextPageError ? undefined : more}
        />
      )}
      {query.isFetchNextPageError ? (
        <ErrorPanel error={query.error} onRetry={more} isRetrying={query.isFetchingNextPage} />
      ) : null}
    </>
  )
}

interface TargetTableProps {
  rows: Target[]
  total: number
  isBusy: boolean
  sorting: { id: string; desc: boolean }[]
  /** By the gateway, where it alone has all of them. */
  isSorted: boolean
  onSort: (sort: string) => void
  onMore: (() => void) | undefined
}

function TargetTable({ rows, onSort, ...rest }: TargetTableProps) {
  const hasCluster = rows.some((row) => row.kind === 'kubernetes')
  const isOfMany = rows.some((row) => row.environment !== rows[0]?.environment)
  const hasNodes = rows.some((row) => row.node !== undefined)
  const few = hasCluster ? (hasNodes ? clusterColumns : nodelessColumns) : targetColumns
  const many = hasCluster ? (hasNodes ? clusterColumnsOfMany : nodelessColumnsOfMany) : targetColumnsOfMany
  return (
    <DataTable
      label="Targets"
      columns={isOfMany ? many : few}
      rows={rows}
      rowId={rowId}
      rowMark={rowMark}
      onSortingChange={([first]) => onSort(first === undefined ? '' : `${first.desc ? '-' : ''}${first.id}`)}
      {...rest}
    />
  )
}

const rowId = (target: Target): string => target.ref
const rowMark = (target: Target): 'failing' | 'dimmed' | undefined =>
  isFailing(target) ? 'failing' : hasEnded(target) ? 'dimmed' : undefined

interface NothingFitsProps {
  filters: TargetFilters
  words: string
  stopped: number
  /** Absent when there is nothing to clear. */
  onClear: (() => void) | undefined
  onStopped: () => void
}

function NothingFits({ filters, words, stopped, onClear, onStopped }: NothingFitsProps) {
  const offersStopped = stopped > 0 && !filters.stopped
  const isSearch = words.trim() !== ''
  return (
    <EmptyState
      title={
        filters.failing
          ? 'Nothing crashes or fails to start'
          : onClear === undefined
            ? 'Nothing runs that you may see'
            : 'No target fits'
      }
      actions={
        <>
          {onClear === undefined ? null : (
            <Button onClick={onClear}>{isSearch ? 'Clear the search' : 'Clear the filters'}</Button>
          )}
          {offersStopped ? <Button onClick={onStopped}>Show {stopped} that ended</Button> : null}
        </>
      }
    >
      <p>
        {isSearch
          ? 'Every word has to be in a name, image, label or reference.'
          : onClear === undefined
            ? 'As soon as something does, it shows here by itself. What you may see is up to policy.'
            : 'Nothing that you may see fits these filters now. As soon as something does, it shows here by itself.'}
      </p>
      {onClear === undefined ? <WhomToAsk /> : null}
    </EmptyState>
  )
}
