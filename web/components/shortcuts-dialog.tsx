import { Dialog } from './dialog.tsx'

const shortcuts = [
  ['/', 'Search'],
  ['↓ ↑ or j k', 'Next and previous row'],
  ['Enter', 'Open the row'],
  ['Ctrl K or ⌘ K', 'Go to a target, session or page'],
  ['g t, g s, g p, g a, g y', 'Targets, sessions, approvals, audit, policy'],
  ['Ctrl Shift F, Ctrl Shift L', 'In a terminal: search, runbooks'],
  ['F6', 'Out of a terminal, and back into it'],
  ['Shift F6', 'F6 for the program in a terminal'],
  ['Esc', 'Close, or empty the search'],
  ['?', 'This list'],
] as const

export function ShortcutsDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title="Keyboard shortcuts">
      <dl className="shortcuts">
        {shortcuts.map(([keys, words]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <p className="faint small-print">Inside a terminal all other keys but ⌘ K belong to the shell.</p>
    </Dialog>
  )
}
