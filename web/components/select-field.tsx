import { ChevronIcon } from './icons.tsx'
import './select-field.css'

interface SelectFieldProps {
  label: string
  value: string
  options: readonly (readonly [value: string, words: string])[]
  onChange: (value: string) => void
}

/** The platform's own list: right on a phone, by keyboard and for a screen reader. */
export function SelectField({ label, value, options, onChange }: SelectFieldProps) {
  return (
    <span className="select">
      <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
      <ChevronIcon />
    </span>
  )
}
