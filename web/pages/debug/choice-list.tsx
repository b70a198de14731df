import type { Choice } from './choice.ts'

interface ChoiceListProps {
  legend: string
  name: string
  choices: readonly Choice[]
  value: string
  onChange: (value: string) => void
  note?: string | undefined
}

/** Radio buttons with room for words. One that cannot be chosen stays in sight and says why. */
export function ChoiceList({ legend, name, choices, value, onChange, note }: ChoiceListProps) {
  return (
    <fieldset className="choices">
      <legend>{legend}</legend>
      {note === undefined ? null : (
        <p className="banner" data-tone="warn" role="alert">
          {note}
        </p>
      )}
      {choices.length === 0 ? <p className="faint">Policy allows none here.</p> : null}
      <div className="choice-list">
        {choices.map((choice) => (
          <label key={choice.name} className={choice.problem === undefined ? 'choice' : 'choice refused'}>
            <input
              type="radio"
              name={name}
              value={choice.name}
              checked={choice.name === value}
              disabled={choice.problem !== undefined}
              aria-describedby={`${name}-${choice.name}`}
              onChange={() => onChange(choice.name)}
            />
            {choice.label === undefined ? (
              <span className="choice-name mono">{choice.name}</span>
            ) : (
              <span className="choice-name">{choice.label}</span>
            )}
            <span
              id={`${name}-${choice.name}`}
              className={choice.isCode === true ? 'choice-words mono' : 'choice-words'}
            >
              {choice.words}
              {choice.problem === undefined ? null : (
                <span className="choice-problem">Not here: {choice.problem}</span>
              )}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
