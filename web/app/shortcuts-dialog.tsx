import { Fragment } from 'react'
import { Dialog } from '../components/dialog.tsx'
import './shortcuts-dialog.css'

/** Keys that are pressed together or one after the other, with a blank between them; more than one way to press them. */
const shortcuts = [
  [['/'], 'Search'],
  [['↓ ↑', 'j k'], 'Next and previous row'],
  [['Enter'], 'Open the row'],
  [['Ctrl K', '⌘ K'], 'Go to a target, session or page'],
  [['g t'], 'Targets'],
  [['g s'], 'Sessions'],
  [['g p'], 'Approvals'],
  [['g a'], 'Audit'],
  [['g y'], 'Policy'],
  [['Ctrl Shift F'], 'In a terminal: search'],
  [['Ctrl Shift L'], 'In a terminal: runbooks'],
  [['F6'], 'Out of a terminal, and back into it'],
  [['Shift F6'], 'F6 for the program in a terminal'],
  [['Esc'], 'Close, or empty the search'],
  [['?'], 'This list'],
] as const

export function ShortcutsDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title="Keyboard shortcuts">
      <dl className="shortcuts">
        {shortcuts.map(([ways, words]) => (
          <div key={words}>
            <dt>
              {ways.map((keys, index) => (
                <Fragment key={keys}>
                  {index === 0 ? null : <span className="faint small-print">or</span>}
                  {keys.split(' ').map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </Fragment>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <p className="faint small-print">Inside a terminal all other keys but ⌘ K belong to the shell.</p>
    </Dialog>
  )
}
