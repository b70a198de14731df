import { useEffect, useRef, useState } from 'react'
import { SearchIcon } from './icons.tsx'

interface SearchFieldProps {
  label: string
  placeholder: string
  value: string
  /** Called a moment after the last key. */
  onChange: (value: string) => void
  /** Called with every key, for what is filtered on the spot. */
  onInput?: (value: string) => void
}

/** `/` comes here from anywhere, Escape empties it, ArrowDown goes on to the list. */
export function SearchField({ label, placeholder, value, onChange, onInput }: SearchFieldProps) {
  const [text, setText] = useState(value)
  const sent = useRef(value)
  const change = useRef(onChange)
  useEffect(() => {
    change.current = onChange
  })
  useEffect(() => {
    // The address changed under us: the back button, or a link.
    if (value === sent.current) return
    sent.current = value
    setText(value)
  }, [value])
  useEffect(() => {
    if (text === sent.current) return undefined
    const timer = setTimeout(() => {
      sent.current = text
      change.current(text)
    }, 200)
    return () => clearTimeout(timer)
  }, [text])
  const type = (next: string): void => {
    setText(next)
    onInput?.(next)
  }
  return (
    <div className="search">
      <SearchIcon />
      <input
        type="search"
        data-hotkey="/"
        aria-label={label}
        placeholder={placeholder}
        value={text}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        onChange={(event) => type(event.target.value)}
        onKeyDown={(event) => {
          // Enter goes on from here; the address has to have what was typed before.
          if (event.key === 'Enter' && text !== sent.current) {
            sent.current = text
            onChange(text)
          }
          if (event.key === 'Escape') {
            if (text === '') event.currentTarget.blur()
            else type('')
          }
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  )
}
