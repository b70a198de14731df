import { useState } from 'react'
import { SelectField } from '../../components/select-field.tsx'
import { processChoices, type Options, type TargetProcess } from '../../lib/process-options.ts'
import './process-choice.css'

interface ProcessChoiceProps {
  options: Options
  /** As it is asked for; empty for the one that is found. */
  value: string
  onChange: (process: string) => void
}

/** Which process of a container it is about. Only where that is not plain: below an init, beside others, or asked for. */
export function ProcessChoice({ options, value, onChange }: ProcessChoiceProps) {
  // Stays to be chosen when it is taken back: the list does not go away below somebody's hand.
  const [asked, setAsked] = useState(value)
  const choices = processChoices(options, asked)
  if (choices === undefined) return null
  const { found, init, count, total } = choices
  return (
    <fieldset className="choices">
      <legend>Process</legend>
      <p className="process-words">
        {found === undefined ? null : <Words process={found} init={init} isFound={value === ''} />}
        {choices.options.length === 0 ? null : (
          <SelectField
            label="Process to look at"
            value={value}
            options={choices.options}
            onChange={(process) => {
              if (process !== '') setAsked(process)
              onChange(process)
            }}
          />
        )}
        {total <= count ? null : (
          <span className="faint">
            The first {count} of {total}. A link may name any other: <code>process=</code>
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
