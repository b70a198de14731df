import { AlertDialog } from '@base-ui/react/alert-dialog'
import { bytes } from '../format.ts'
import type { Question } from './open-terminal.ts'

const shownLines = 8

/** Asks what only the user can decide about text that comes in or goes out. */
export function TerminalQuestion({ question }: { question: Question }) {
  const lines = question.text.trimEnd().split(/\r\n|\r|\n/)
  const size = bytes(new TextEncoder().encode(question.text).length)
  const isPaste = question.kind === 'paste'
  return (
    <AlertDialog.Root open onOpenChange={(open) => !open && question.answer(false)}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="dialog-backdrop" />
        <AlertDialog.Popup className="dialog">
          <AlertDialog.Title className="dialog-title">
            {isPaste ? pasteTitle(lines.length, size) : 'Let this session write to your clipboard?'}
          </AlertDialog.Title>
          <AlertDialog.Description className="dialog-words">
            {isPaste
              ? 'The program did not ask for pastes as a whole: each line runs as soon as it arrives.'
              : 'A program in the terminal wants to copy this text. The answer holds until you close this terminal. It can never read your clipboard.'}
          </AlertDialog.Description>
          <pre className="dialog-text">
            {lines.slice(0, shownLines).map((line) => `${line.slice(0, 200)}\n`)}
            {lines.length > shownLines ? `… and ${lines.length - shownLines} more lines` : ''}
          </pre>
          <div className="dialog-actions">
            <AlertDialog.Close className="tool-button">{isPaste ? 'Cancel' : 'Refuse'}</AlertDialog.Close>
            <button type="button" className="tool-button primary" onClick={() => question.answer(true)}>
              {isPaste ? 'Paste' : 'Allow'}
            </button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}

function pasteTitle(lines: number, size: string): string {
  return lines > 1 ? `Paste ${lines} lines (${size})?` : `Paste ${size}?`
}
