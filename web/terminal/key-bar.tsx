import type { OpenTerminal } from './open-terminal.ts'
import { pasteClipboard } from './paste-clipboard.ts'
import './key-bar.css'

const escape = '\u001B'
const keys = [
  { label: 'Esc', name: 'Escape', data: escape },
  { label: 'Tab', name: 'Tab', data: '\t' },
  { label: '←', name: 'Left', arrow: 'D' },
  { label: '↑', name: 'Up', arrow: 'A' },
  { label: '↓', name: 'Down', arrow: 'B' },
  { label: '→', name: 'Right', arrow: 'C' },
  { label: '^C', name: 'Interrupt', data: '\u0003' },
] as const

/** The keys that phones do not have. */
export function KeyBar({ terminal, ctrl }: { terminal: OpenTerminal; ctrl: boolean }) {
  const press = (key: (typeof keys)[number]) => {
    if ('data' in key) terminal.type(key.data)
    else terminal.type(`${escape}${terminal.view.applicationCursor ? 'O' : '['}${key.arrow}`)
  }
  return (
    // Without the focus leaving the terminal, so that the phone's keyboard stays.
    <div
      className="ws-key-bar"
      role="toolbar"
      aria-label="Keys"
      onPointerDown={(event) => event.preventDefault()}
    >
      <button type="button" aria-pressed={ctrl} onClick={() => terminal.setCtrl(!ctrl)}>
        Ctrl
      </button>
      {keys.map((key) => (
        <button key={key.name} type="button" aria-label={key.name} onClick={() => press(key)}>
          {key.label}
        </button>
      ))}
      <button type="button" onClick={() => void pasteClipboard(terminal)}>
        Paste
      </button>
    </div>
  )
}
