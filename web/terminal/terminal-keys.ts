/** What a key combination asks of the page instead of the shell. */
export type TerminalCommand =
  | { kind: 'copy' }
  | { kind: 'search' }
  | { kind: 'runbooks' }
  | { kind: 'font'; change: 1 | -1 | 0 }
  | { kind: 'tab'; index: number }
  | { kind: 'next-tab'; step: 1 | -1 }
  | { kind: 'leave' }
  | { kind: 'interrupt' }
  /** A key of the shell's that the page has taken for itself, pressed with Shift. */
  | { kind: 'type'; text: string }

/** Handled by the browser itself: the terminal must not see the key, and nobody may prevent it. */
export type KeyMeaning = TerminalCommand | { kind: 'native' } | undefined

type Key = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'shiftKey' | 'altKey' | 'metaKey'>

/** Reads a key press; undefined means that it belongs to the shell. */
export function readKey(event: Key, hasSelection: boolean): KeyMeaning {
  const { ctrlKey, shiftKey, altKey, metaKey } = event
  if (event.key === 'F6' && !ctrlKey && !altKey && !metaKey) return readLeaveKey(shiftKey)
  if (altKey && !ctrlKey && !metaKey && !shiftKey) return readAltKey(event)
  if (!ctrlKey || altKey || metaKey) return undefined
  if (shiftKey) return readCtrlShiftKey(event.code, event.key)
  if (event.code === 'KeyC') return hasSelection ? { kind: 'copy' } : { kind: 'interrupt' }
  if (event.key === 'PageUp') return { kind: 'next-tab', step: -1 }
  if (event.key === 'PageDown') return { kind: 'next-tab', step: 1 }
  return readFontKey(event.key)
}

// Out of the terminal by the key that desktops and editors have for it; programs get theirs with Shift.
function readLeaveKey(shiftKey: boolean): KeyMeaning {
  return shiftKey ? { kind: 'type', text: '\u001B[17~' } : { kind: 'leave' }
}

function readAltKey({ code }: Key): KeyMeaning {
  const digit = /^Digit([1-9])$/.exec(code)?.[1]
  return digit === undefined ? undefined : { kind: 'tab', index: Number(digit) - 1 }
}

function readCtrlShiftKey(code: string, key: string): KeyMeaning {
  if (code === 'KeyC') return { kind: 'copy' }
  if (code === 'KeyV') return { kind: 'native' }
  if (code === 'KeyF') return { kind: 'search' }
  if (code === 'KeyL') return { kind: 'runbooks' }
  return readFontKey(key)
}

function readFontKey(key: string): KeyMeaning {
  if (key === '+' || key === '=') return { kind: 'font', change: 1 }
  if (key === '-') return { kind: 'font', change: -1 }
  return key === '0' ? { kind: 'font', change: 0 } : undefined
}
