import { useId, useMemo, useState, type FormEvent } from 'react'
import type { TargetList } from '../../../server/protocol/target-api.ts'
import { Button } from '../../components/button.tsx'
import { SearchField } from '../../components/search-field.tsx'
import { SelectField } from '../../components/select-field.tsx'
import { useEnvironments } from '../../lib/queries.ts'
import {
  chooseNamespace,
  countStates,
  namespaceOptions,
  type TargetFilters,
} from '../../lib/target-filters.ts'
import './target-toolbar.css'

interface TargetToolbarProps {
  filters: TargetFilters
  /** As the address has it. */
  q: string
  /** How often the search was cleared: what was typed and not yet sent goes too. */
  clears: number
  /** Each letter, before the address has it. */
  onType: (words: string) => void
  /** The first page: its namespaces and counts are those of the whole list. */
  first: TargetList
  selectorProblem: string | undefined
  total: number
  isBusy: boolean
  update: (change: Readonly<Record<string, string>>) => void
}

const kinds = [
  ['', 'Workloads'],
  ['pod', 'Pods'],
  ['all', 'All kinds'],
] as const

/** What is filtered by, all of it in the address. What only clusters have shows only where there is one. */
export function TargetToolbar(props: TargetToolbarProps) {
  const { filters, q, clears, onType, first, selectorProblem, total, isBusy, update } = props
  const environments = useEnvironments().data?.items ?? []
  const hasCluster = environments.some(({ kind }) => kind === 'kubernetes') || first.namespaces.length > 0
  const [isSelecting, setIsSelecting] = useState(false)
  const { failing, stopped } = countStates(first.states)
  const showsSelector = isSelecting || filters.selector !== ''
  return (
    <search className="target-filters">
      <div className="toolbar">
        <SearchField
          key={clears}
          label="Search targets"
          placeholder="Search by name, image or label"
          value={q}
          isBusy={isBusy}
          onInput={onType}
          onChange={(next) => update({ q: next })}
        />
        {environments.length > 1 ? (
          <SelectField
            label="Environment"
            value={filters.environment}
            options={[['', 'All environments'], ...environments.map(({ id }) => [id, id] as const)]}
            onChange={(environment) => update({ environment, namespace: '' })}
          />
        ) : null}
        {hasCluster ? (
          <>
            <Namespaces filters={filters} namespaces={first.namespaces} update={update} />
            <SelectField
              label="Kind"
              value={filters.kind}
              options={kinds}
              onChange={(kind) => update({ kind })}
            />
          </>
        ) : null}
        {hasCluster ? (
          <label className={failing > 0 ? 'check alarming' : 'check'}>
            <input
              type="checkbox"
              checked={filters.failing}
              onChange={(event) => update({ failing: event.target.checked ? '1' : '' })}
            />
            Failing <span className="count">{failing}</span>
          </label>
        ) : null}
        <label className="check">
          <input
            type="checkbox"
            checked={filters.stopped}
            disabled={filters.failing}
            onChange={(event) => update({ stopped: event.target.checked ? '1' : '' })}
          />
          {hasCluster ? 'Finished' : 'Stopped'} <span className="count">{stopped}</span>
        </label>
        {hasCluster ? (
          <Button
            kind="quiet"
            aria-expanded={showsSelector}
            onClick={() => {
              if (showsSelector) update({ selector: '' })
              setIsSelecting(!showsSelector)
            }}
          >
            Labels
          </Button>
        ) : null}
        <output className="toolbar-note" aria-busy={isBusy}>
          {selectorProblem === undefined ? countInWords(total) : ''}
        </output>
      </div>
      {showsSelector ? (
        <SelectorField
          key={filters.selector}
          value={filters.selector}
          problem={selectorProblem}
          isFocused={isSelecting && filters.selector === ''}
          onChange={(selector) => update({ selector })}
        />
      ) : null}
    </search>
  )
}

function countInWords(total: number): string {
  return total === 1 ? '1 target' : `${total.toLocaleString()} targets`
}

interface NamespacesProps {
  filters: TargetFilters
  namespaces: TargetList['namespaces']
  update: (change: Readonly<Record<string, string>>) => void
}

function Namespaces({ filters, namespaces, update }: NamespacesProps) {
  const options = useMemo(
    () => namespaceOptions(namespaces, filters.environment),
    [namespaces, filters.environment],
  )
  const { namespace } = filters
  const isListed = options.some(({ value }) => value === namespace)
  return (
    <SelectField
      label="Namespace"
      value={namespace}
      options={[
        ['', 'All namespaces'],
        // Of a link: nothing is in it now, or policy does not let me see it.
        ...(namespace === '' || isListed ? [] : [[namespace, namespace] as const]),
        ...options.map(({ value, words }) => [value, words] as const),
      ]}
      onChange={(option) => update(option === '' ? { namespace: '' } : { ...chooseNamespace(option) })}
    />
  )
}

interface SelectorFieldProps {
  value: string
  problem: string | undefined
  isFocused: boolean
  onChange: (selector: string) => void
}

/** A label selector is wrong until it is whole, so it is not read with each letter. */
function SelectorField({ value, problem, isFocused, onChange }: SelectorFieldProps) {
  const id = useId()
  const [text, setText] = useState(value)
  const apply = (event?: FormEvent): void => {
    event?.preventDefault()
    onChange(text.trim())
  }
  return (
    <form className="selector" onSubmit={apply}>
      <label htmlFor={id}>Label selector</label>
      <input
        id={id}
        type="text"
        className="mono"
        placeholder="app=api, tier in (web, edge), !canary"
        value={text}
        maxLength={500}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        // oxlint-disable-next-line jsx-a11y/no-autofocus -- it was asked for by the button a moment ago
        autoFocus={isFocused}
        aria-invalid={problem === undefined ? undefined : true}
        aria-describedby={`${id}-note`}
        onChange={(event) => setText(event.target.value)}
        onBlur={() => apply()}
      />
      <span
        id={`${id}-note`}
        className="field-note"
        data-tone={problem === undefined ? undefined : 'bad'}
        role={problem === undefined ? undefined : 'alert'}
      >
        {problem ?? 'As for kubectl -l. Enter applies it.'}
      </span>
    </form>
  )
}
