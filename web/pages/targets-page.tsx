import { useDeferredValue, useMemo, useState } from 'react'
import type { Target } from '../../server/protocol/target-api.ts'
import { Button } from '../components/button.tsx'
import { DataTable } from '../components/data-table.tsx'
import { EmptyState } from '../components/empty-state.tsx'
import { ErrorPanel } from '../components/error-panel.tsx'
import { SearchField } from '../components/search-field.tsx'
import { SelectField } from '../components/select-field.tsx'
import { Skeleton } from '../components/skeleton.tsx'
import { useMyLiveSessions, useTargets } from '../queries.ts'
import { useTitle } from '../use-title.ts'
import { useUrlState } from '../use-url-state.ts'
import { NoTargets } from './no-targets.tsx'
import { EnvironmentProblems } from './environment-problems.tsx'
import { ResumeCards } from './resume-cards.tsx'
import { selectTargets } from './select-targets.ts'
import { targetColumns, targetColumnsOfMany } from './target-columns.tsx'

const firstRows = 200

/** What can be debugged, with my live sessions above it. */
export function TargetsPage() {
  useTitle('Targets')
  const targets = useTargets()
  const sessions = useMyLiveSessions()
  // Both or neither: a card that comes late would push the table down under the pointer.
  const isPending = targets.isPending || sessions.isPending
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
          {targets.data === undefined ? (
            <ErrorPanel
              error={targets.error}
              onRetry={() => void targets.refetch()}
              isRetrying={targets.isFetching}
            />
          ) : (
            <TargetList
              items={targets.data.items}
              problems={targets.data.problems}
              error={targets.error}
              onRetry={() => void targets.refetch()}
            />
          )}
        </>
      )}
    </div>
  )
}

interface TargetListProps {
  items: Target[]
  problems: { environment: string; detail: string }[]
  error: Error | null
  onRetry: () => void
}

function TargetList({ items, problems, error, onRetry }: TargetListProps) {
  const [parameters, update] = useUrlState()
  const environment = parameters.get('environment') ?? ''
  const showStopped = parameters.get('stopped') === '1'
  const [words, setWords] = useState(parameters.get('q') ?? '')
  const [limit, setLimit] = useState(firstRows)
  const deferred = useDeferredValue(words)
  const environments = useMemo(() => [...new Set(items.map((item) => item.environment))].toSorted(), [items])
  const { shown, stopped } = useMemo(
    () => selectTargets(items, { words: deferred, environment, showStopped }),
    [items, deferred, environment, showStopped],
  )
  const sort = parameters.get('sort') ?? ''
  const sorting = useMemo(
    () => (sort === '' ? [] : [{ id: sort.replace('-', ''), desc: sort.startsWith('-') }]),
    [sort],
  )
  if (items.length === 0 && problems.length === 0) return <NoTargets />
  return (
    <>
      <EnvironmentProblems problems={problems} error={error} onRetry={onRetry} />
      <search className="toolbar">
        <SearchField
          label="Search targets"
          placeholder="Search by name, image or label"
          value={words}
          onInput={setWords}
          onChange={(q) => {
            setWords(q)
            update({ q })
          }}
        />
        {environments.length > 1 ? (
          <SelectField
            label="Environment"
            value={environment}
            options={[['', 'All environments'], ...environments.map((id) => [id, id] as const)]}
            onChange={(value) => update({ environment: value })}
          />
        ) : null}
        <label className="check">
          <input
            type="checkbox"
            checked={showStopped}
            onChange={(event) => update({ stopped: event.target.checked ? '1' : '' })}
          />
          Stopped <span className="count">{stopped}</span>
        </label>
        <output className="toolbar-note">
          {shown.length === 1 ? '1 target' : `${shown.length} targets`}
        </output>
      </search>
      {shown.length === 0 ? (
        <EmptyState
          title="No target fits"
          actions={
            <>
              <Button
                onClick={() => {
                  setWords('')
                  update({ q: '', environment: '' })
                }}
              >
                Clear the search
              </Button>
              {stopped > 0 && !showStopped ? (
                <Button onClick={() => update({ stopped: '1' })}>Show {stopped} stopped</Button>
              ) : null}
            </>
          }
        >
          <p>Every word has to be in a name, image, label or reference.</p>
        </EmptyState>
      ) : (
        <DataTable
          label="Targets"
          columns={environments.length > 1 ? targetColumnsOfMany : targetColumns}
          rows={shown.length > limit ? shown.slice(0, limit) : shown}
          rowId={(target) => target.ref}
          isDimmed={(target) => target.state !== 'running'}
          sorting={sorting}
          onSortingChange={([first]) =>
            update({ sort: first === undefined ? '' : `${first.desc ? '-' : ''}${first.id}` })
          }
        />
      )}
      {shown.length > limit ? (
        <div className="actions centered">
          <Button onClick={() => setLimit(shown.length)}>Show all {shown.length}</Button>
        </div>
      ) : null}
    </>
  )
}
