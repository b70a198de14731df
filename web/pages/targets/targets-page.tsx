import { useMemo } from 'react'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { useMyLiveSessions, useTargets } from '../../lib/queries.ts'
import { useTitle } from '../../lib/use-title.ts'
import { useUrlState } from '../../lib/use-url-state.ts'
import { ResumeCards } from './resume-cards.tsx'
import { readFilters, readSort, targetQuery } from '../../lib/target-filters.ts'
import { TargetList } from './target-list.tsx'

/** What can be debugged, with my live sessions above it. */
export function TargetsPage() {
  useTitle('Targets')
  const [parameters, update] = useUrlState()
  const filters = useMemo(() => readFilters(parameters), [parameters])
  const words = parameters.get('q') ?? ''
  const all = useTargets(targetQuery(filters, ''))
  const sort = readSort(parameters)
  // A list that is here with its first page is searched and sorted on the spot, with each letter; a longer one by the gateway.
  const isWhole = all.data?.pages.length === 1 && !all.hasNextPage
  const isAsked = !isWhole && (words !== '' || sort !== undefined)
  const found = useTargets({ ...targetQuery(filters, words), sort }, isAsked)
  const shown = isAsked ? found : all
  const sessions = useMyLiveSessions()
  // Both or neither: a card that comes late would push the table down under the pointer.
  const isPending = shown.isPending || sessions.isPending
  return (
    <div className="page">
      <h1 className="visually-hidden">Targets</h1>
      {isPending ? (
        <>
          <div className="toolbar placeholder" />
          <Skeleton label="Loading targets" rows={8} />
        </>
      ) : (
        <>
          <ResumeCards sessions={sessions.data?.items ?? []} />
          {shown.data === undefined && filters.selector === '' ? (
            <ErrorPanel
              error={shown.error}
              onRetry={() => void shown.refetch()}
              isRetrying={shown.isFetching}
            />
          ) : (
            <TargetList
              query={shown}
              isWhole={isWhole}
              filters={filters}
              parameters={parameters}
              update={update}
            />
          )}
        </>
      )}
    </div>
  )
}
