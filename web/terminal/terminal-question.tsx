import { Dialog } from '../components/dialog.tsx'
import { bytes } from '../format.ts'
import type { Question } from './open-terminal.ts'
import { Button } from '../components/button.tsx'

const shownLines = 8
const pasteWords = 'The program did not ask for pastes as a whole: each line runs as soon as it arrives.'
const clipboardWords =
  'A program in the terminal wants to copy this text. The answer holds until you close this terminal. It can never read your clipboard.'

/** Asks what only the user can decide about text that comes in or goes out. */
export function TerminalQuestion({ question }: { question: Question }) {
  const lines = question.text.trimEnd().split(/\r\n|\r|\n/)
  const size = bytes(new TextEncoder().encode(question.text).length)
  const isPaste = question.kind === 'paste'
  return (
    <Dialog
      isOpen
      onClose={() => question.answer(false)}
      title={isPaste ? pasteTitle(lines.length, size) : 'Let this session write to your clipboard?'}
      description={isPaste ? pasteWords : clipboardWords}
    >
      <pre className="ws-quoted">
        {lines.slice(0, shownLines).map((line) => `${line.slice(0, 200)}\n`)}
        {lines.length > shownLines ? `… and ${lines.length - shownLines} more lines` : ''}
      </pre>
      <div className="actions end">
        <Button onClick={() => question.answer(false)}>{isPaste ? 'Cancel' : 'Refuse'}</Button>
        <Button kind="primary" onClick={() => question.answer(true)}>
          {isPaste ? 'Paste' : 'Allow'}
        </Button>
      </div>
    </Dialog>
  )
}

function pasteTitle(lines: number, size: string): string {
  return lines > 1 ? `Paste ${lines} lines (${size})?` : `Paste ${size}?`
}
