import { useEffect, useRef, useState } from 'react'
import type { OpenTerminal, OpenTerminalState } from './open-terminal.ts'
import { CrossIcon } from '../components/icons.tsx'
import './search-bar.css'

interface Props {
  terminal: OpenTerminal
  found: OpenTerminalState['found']
  onClose: () => void
}

/** Finds text on the screen and in what has scrolled away. */
export function SearchBar({ terminal, found, onClose }: Props) {
  const [text, setText] = useState('')
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    input.current?.focus()
    return () => terminal.view.find('', 'next')
  }, [terminal])

  const search = (direction: 'next' | 'previous') => terminal.view.find(text, direction)

  return (
    <search className="ws-search-bar">
      <input
        ref={input}
        type="text"
        aria-label="Search in the terminal"
        placeholder="Search"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          terminal.view.findNewest(event.target.value)
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') search(event.shiftKey ? 'next' : 'previous')
          else if (event.key === 'Escape') onClose()
        }}
      />
      <output>{text === '' ? '' : foundInWords(found)}</output>
      <button
        type="button"
        className="icon-button"
        aria-label="Earlier match"
        onClick={() => search('previous')}
      >
        ↑
      </button>
      <button type="button" className="icon-button" aria-label="Later match" onClick={() => search('next')}>
        ↓
      </button>
      <button type="button" className="icon-button" aria-label="Close search" onClick={onClose}>
        <CrossIcon />
      </button>
    </search>
  )
}

function foundInWords(found: OpenTerminalState['found']): string {
  if (found === undefined || found.count === 0) return 'No match'
  return found.index < 0 ? `${found.count}+` : `${found.index + 1} of ${found.count}`
}
