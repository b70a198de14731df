import { SelectField } from '../components/select-field.tsx'
import { processOptions, type Options, type TargetProcess } from './process-options.ts'

interface ProcessChoiceProps {
  options: Options
  /** As it is asked for; empty for the one that is found. */
  value: string
  onChange: (process: string) => void
}

/** Which process of a container it is about. Only where that is not plain: below an init, or beside others. */
export function ProcessChoice({ options, value, onChange }: ProcessChoiceProps) {
  const { items, total } = options.processes ?? { items: [], total: 0 }
  const found = items.find((each) => each.found)
  const init = options.profiles.find(({ identity }) => identity?.process?.init !== undefined)
  if (found === undefined || (items.length < 2 && init === undefined && value === '')) return null
  return (
    <fieldset className="choices">
      <legend>Process</legend>
      <p className="process-words">
        <Words process={found} init={init?.identity?.process?.init} isFound={value === ''} />
        {items.length < 2 && value === '' ? null : (
          <SelectField
            label="Process to look at"
            value={value}
            options={processOptions(items, value)}
            onChange={onChange}
          />
        )}
        {total <= items.length ? null : (
          <span className="faint">
            The first {items.length} of {total}. A link may name any other: <code>process=</code>
          </span>
        )}
      </p>
    </fieldset>
  )
}

interface WordsProps {
  process: TargetProcess
  init: string | undefined
  isFound: boolean
}

function Words({ process, init, isFound }: WordsProps) {
  return (
    <span>
      {isFound ? 'Looks at ' : 'Without a choice it looks at '}
      <code>{process.name}</code> (
      {process.pid === undefined ? null : (
        <>
          process <span className="mono">{process.pid}</span>,{' '}
        </>
      )}
      user <span className="mono">{process.user}</span>)
      {init === undefined ? null : (
        <>
          , started by <code>{init}</code>
        </>
      )}
      .
    </span>
  )
}
