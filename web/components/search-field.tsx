import { useEffect, useRef, useState } from 'react'
import { SearchIcon } from './icons.tsx'
import { openFirstRow } from './use-row-keys.ts'
import './search-field.css'

interface SearchFieldProps {
  label: string
  placeholder: string
  value: string
  /** The list that shows is the answer to an earlier question. */
  isBusy: boolean
  /** Called a moment after the last key. */
  onChange: (value: string) => void
  /** Called with every key, for what is filtered on the spot. */
  onInput?: (value: string) => void
}

/**
 * `/` comes here from anywhere, Escape empties it, ArrowDown goes on to the list. Enter opens the first row that fits: where the
 * answer is still to come, as soon as it is there, unless other words are typed or the field is left before.
 */
export function SearchField({ label, placeholder, value, isBusy, onChange, onInput }: SearchFieldProps) {
  const [text, setText] = useState(value)
  // The number of the Enter that waits for its answer; that of the last one that was followed, when none does.
  const [entered, setEntered] = useState(0)
  const followed = useRef(0)
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
    setEntered(followed.current)
  }, [value])
  useEffect(() => {
    // The words went out in the same step as the Enter: a list that is not busy is the answer to them.
    if (entered === followed.current || isBusy) return
    followed.current = entered
    openFirstRow()
  }, [entered, isBusy])
  useEffect(() => {
    if (text === sent.current) return undefined
    const timer = setTimeout(() => {
      sent.current = text
      change.current(text)
    }, 200)
    return () => clearTimeout(timer)
  }, [text])
  const forget = (): void => setEntered(followed.current)
  const type = (next: string): void => {
    setText(next)
    forget()
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
        onBlur={forget}
        onKeyDown={(event) => {
          // An input method takes its own Enter.
          if (event.key === 'Enter' && !event.nativeEvent.isComposing) {
            event.preventDefault()
            setEntered(followed.current + 1)
            // The address has to have what was typed before it is left.
            if (text !== sent.current) {
              sent.current = text
              onChange(text)
            }
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
