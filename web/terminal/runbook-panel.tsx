import { useEffect, useRef } from 'react'
import type { Runbook } from '../../server/protocol/runbook-api.ts'
import { CopyButton } from '../components/copy-button.tsx'
import { CrossIcon } from '../components/icons.tsx'
import { SelectField } from '../components/select-field.tsx'
import { useHotkeys } from '../lib/use-hotkeys.ts'
import type { OpenTerminal, OpenTerminalState } from './open-terminal.ts'
import { typingProblem } from './typing-problem.ts'
import './runbook-panel.css'

interface Props {
  terminal: OpenTerminal
  state: OpenTerminalState
  /** Never empty. */
  runbooks: readonly Runbook[]
  name: string
  /** The key that opened it brings the focus along. */
  takesFocus: boolean
  onChoose: (name: string) => void
  onClose: () => void
}

/** Steps beside the terminal. A click types a command at the prompt; it never runs one. */
export function RunbookPanel(props: Props) {
  const { terminal, state, runbooks, name, takesFocus, onChoose, onClose } = props
  const chosen = runbooks.find((runbook) => runbook.name === name) ?? runbooks[0]
  const problem = typingProblem(state)
  const panel = useRef<HTMLElement>(null)
  useHotkeys({
    Escape: () => {
      if (panel.current?.contains(document.activeElement) === true) onClose()
    },
  })
  useEffect(() => {
    if (!takesFocus) return
    const find = (what: string) => panel.current?.querySelector<HTMLElement>(what)
    const first = find('.ws-runbook-command button') ?? find('button')
    first?.focus()
  }, [takesFocus])
  return (
    <aside ref={panel} className="ws-panel ws-runbooks" data-region="panel" aria-label="Runbooks">
      <div className="ws-details-head">
        <h2>{runbooks.length === 1 ? chosen?.name : 'Runbooks'}</h2>
        <button type="button" className="icon-button" aria-label="Close runbooks" onClick={onClose}>
          <CrossIcon />
        </button>
      </div>
      {runbooks.length === 1 ? null : (
        <SelectField
          label="Runbook"
          value={chosen?.name ?? ''}
          options={runbooks.map((runbook) => [runbook.name, runbook.name] as const)}
          onChange={onChoose}
        />
      )}
      <p
        id="runbook-note"
        className="ws-runbook-note"
        data-problem={problem !== undefined}
        aria-live="polite"
      >
        {problem ?? 'A click types a command at the prompt. It runs when you press Enter.'}
      </p>
      {chosen === undefined ? null : (
        <Steps key={chosen.name} runbook={chosen} terminal={terminal} problem={problem} />
      )}
    </aside>
  )
}

interface StepsProps {
  runbook: Runbook
  terminal: OpenTerminal
  /** Why nothing can be typed now. */
  problem: string | undefined
}

function Steps({ runbook, terminal, problem }: StepsProps) {
  return (
    <ol className="ws-runbook-steps">
      {runbook.steps.map(({ text, command }, index) => (
        <li key={index}>
          {text === undefined ? null : <p>{text}</p>}
          {command === undefined ? null : (
            <div className="ws-runbook-command">
              <button
                type="button"
                aria-disabled={problem !== undefined || undefined}
                aria-describedby={problem === undefined ? undefined : 'runbook-note'}
                aria-label={`Type at the prompt: ${command}`}
                title={problem ?? 'Type it at the prompt, without running it'}
                onClick={() => void terminal.typeCommand(command)}
              >
                <code>{command}</code>
              </button>
              <CopyButton text={command} label="the command" />
            </div>
          )}
        </li>
      ))}
    </ol>
  )
}
