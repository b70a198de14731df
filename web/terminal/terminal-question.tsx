import type { MouseEvent } from 'react'
import { Button } from '../components/button.tsx'
import { Dialog } from '../components/dialog.tsx'
import { bytes } from '../lib/format.ts'
import { hiddenIn, withHiddenNamed, type HiddenCharacter } from './paste-text.ts'
import type { Answer, Question } from './questions.ts'
import './terminal-question.css'

const shownLines = 8
const shownHidden = 8
const wholeWords =
  'The program takes a paste as a whole: nothing runs before you press Enter, unless a hidden key does it.'
const linesWords = 'The program did not ask for pastes as a whole: each line runs as soon as it arrives.'
const clipboardWords =
  'A program in the terminal wants to copy this text. The answer holds until you close this terminal. It can never read your clipboard.'

/** Asks what only the user can decide about text that comes in or goes out. */
export function TerminalQuestion({ question }: { question: Question }) {
  const { text, answer } = question
  const lines = text.trimEnd().split(/\r\n|\r|\n/)
  const isPaste = question.kind === 'paste'
  const hidden = isPaste ? hiddenIn(text) : []
  const size = bytes(new TextEncoder().encode(text).length)
  return (
    <Dialog
      isOpen
      onClose={() => answer('no')}
      title={
        isPaste
          ? pasteTitle(lines.length, size, hidden.length > 0)
          : 'Let this session write to your clipboard?'
      }
      description={isPaste ? (question.isWhole === true ? wholeWords : linesWords) : clipboardWords}
    >
      {hidden.length === 0 ? null : <Hidden characters={hidden} />}
      <pre className="ws-quoted">
        {lines.slice(0, shownLines).map((line) => `${withHiddenNamed(line.slice(0, 200))}\n`)}
        {lines.length > shownLines ? `… and ${lines.length - shownLines} more lines` : ''}
      </pre>
      <Answers isPaste={isPaste} hasHidden={hidden.length > 0} answer={answer} />
    </Dialog>
  )
}

interface AnswersProps {
  isPaste: boolean
  hasHidden: boolean
  answer: (answer: Answer) => void
}

/** The harmless way is the one that Enter takes. */
function Answers({ isPaste, hasHidden, answer }: AnswersProps) {
  // The second click of a double one was meant for the question before: it neither answers nor moves the focus.
  const by = (given: Answer) => ({
    onMouseDown: (event: MouseEvent) => {
      if (event.detail > 1) event.preventDefault()
    },
    onClick: ({ detail }: MouseEvent) => {
      if (detail < 2) answer(given)
    },
  })
  return (
    <div className="actions end">
      <Button {...by('no')}>{isPaste ? 'Cancel' : 'Refuse'}</Button>
      {hasHidden ? <Button {...by('yes')}>Paste all of it</Button> : null}
      <Button kind="primary" {...by(hasHidden ? 'cleaned' : 'yes')}>
        {hasHidden ? 'Paste without them' : isPaste ? 'Paste' : 'Allow'}
      </Button>
    </div>
  )
}

/** What is in the text that the eye passes over. */
function Hidden({ characters }: { characters: readonly HiddenCharacter[] }) {
  const more = characters.length - shownHidden
  return (
    <div className="banner ws-hidden" data-tone="warn">
      <div>
        <strong>Characters in it are not seen:</strong>
        <ul>
          {characters.slice(0, shownHidden).map(({ name, words, count }) => (
            <li key={name}>
              <code>{name}</code> {words}
              {count === 1 ? '' : `, ${count.toLocaleString()} times`}
            </li>
          ))}
          {more > 0 ? <li>and {more} other kinds</li> : null}
        </ul>
      </div>
    </div>
  )
}

function pasteTitle(lines: number, size: string, hasHidden: boolean): string {
  const what = lines > 1 ? `${lines} lines (${size})` : size
  return `Paste ${what}${hasHidden ? ' with hidden characters' : ''}?`
}
