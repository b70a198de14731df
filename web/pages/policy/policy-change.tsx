import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import type { Me } from '../../../server/protocol/sign-in-api.ts'
import type { PolicyExplanation, PolicySimulation } from '../../../server/protocol/approval-api.ts'
import { api } from '../../lib/api.ts'
import { Badge } from '../../components/badge.tsx'
import { Button } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { isQuestion, simulationOf, type PolicyQuestion } from './policy-question.ts'
import { changeInWords, compareExplanations, offsetOf } from '../../lib/policy-words.ts'
import { PolicyText } from './policy-text.tsx'
import './policy-change.css'

/** The server takes no larger policy. */
const maxBytes = 1024 * 1024

// As long as the tab lives, and nowhere else: a policy says who is who.
let kept = ''

interface PolicyChangeProps {
  me: Me
  draft: PolicyQuestion
  /** The question is asked of the policy in force, too. */
  onAsk: () => void
}

/** A changed policy: what it would say to the same question, beside what the one in force says. */
export function PolicyChange({ me, draft, onAsk }: PolicyChangeProps) {
  const [text, setText] = useState(kept)
  const [complaint, setComplaint] = useState<string>()
  const area = useRef<HTMLTextAreaElement>(null)
  const simulation = useMutation({
    mutationFn: (policy: string) =>
      api<PolicySimulation>('/policy/simulate', { method: 'POST', body: simulationOf(draft, me, policy) }),
  })
  const change = (next: string): void => {
    kept = next
    setText(next)
    setComplaint(undefined)
    simulation.reset()
  }
  const compare = (): void => {
    const wrong = complaintAbout(text, draft)
    setComplaint(wrong)
    if (wrong !== undefined) return
    onAsk()
    simulation.mutate(text)
  }
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return
    if (file.size > maxBytes)
      setComplaint(`${file.name} is larger than 1 MiB: the gateway takes no such policy.`)
    else change(await file.text())
  }
  const goTo = (line: number, column?: number): void => {
    const at = offsetOf(text, line, column)
    area.current?.focus()
    area.current?.setSelectionRange(at, at)
  }
  const problems = simulation.data?.problems ?? []
  return (
    <section aria-label="A changed policy" className="stack">
      <div className="policy-change-head">
        <h2>A changed policy</h2>
        <p className="muted">
          Paste or choose a policy file to see what it would say to the same question. It stays in this tab,
          and goes to the gateway only to be compared; nothing is changed by it.
        </p>
      </div>
      <PolicyText
        area={area}
        text={text}
        lines={problems.flatMap(({ line }) => line ?? [])}
        complaint={complaint}
        onChange={change}
        onSubmit={compare}
      />
      <div className="actions">
        <Button kind="primary" isBusy={simulation.isPending} onClick={compare}>
          Compare
        </Button>
        <FileButton onFile={(file) => void take(file)} />
        {text === '' ? null : (
          <Button kind="quiet" onClick={() => change('')}>
            Empty
          </Button>
        )}
      </div>
      <div aria-live="polite">
        {simulation.error === null ? null : <ErrorPanel error={simulation.error} onRetry={compare} />}
        {problems.length === 0 ? null : <Problems problems={problems} onPlace={goTo} />}
        {simulation.data?.after === undefined ? null : (
          <Comparison before={simulation.data.before} after={simulation.data.after} />
        )}
      </div>
    </section>
  )
}

function complaintAbout(text: string, question: PolicyQuestion): string | undefined {
  if (text.trim() === '') return 'Paste or choose a policy first.'
  if (new TextEncoder().encode(text).length > maxBytes)
    return 'It is larger than 1 MiB: the gateway takes no such policy.'
  return isQuestion(question)
    ? undefined
    : 'Name a target above first: both policies are asked the same question.'
}

/** The platform's own chooser behind a button that looks like the others. */
function FileButton({ onFile }: { onFile: (file: File | undefined) => void }) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <Button onClick={() => input.current?.click()}>Choose a file…</Button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="Policy file"
        accept=".yaml,.yml,text/yaml,application/yaml"
        onChange={(event) => {
          onFile(event.target.files?.[0])
          // So that the same file can be chosen again after it was edited.
          event.target.value = ''
        }}
      />
    </>
  )
}

interface ProblemsProps {
  problems: PolicySimulation['problems']
  onPlace: (line: number, column?: number) => void
}

function Problems({ problems, onPlace }: ProblemsProps) {
  return (
    <section className="panel" aria-label="Problems of the policy file">
      <h3 className="policy-verdict" data-tone="bad">
        {problems.length === 1 ? 'It has a problem' : `It has ${problems.length} problems`} and cannot be
        asked
      </h3>
      <ul className="plain-list policy-list">
        {problems.map(({ line, column, path, message }) => (
          <li key={`${line} ${column} ${path} ${message}`} className="policy-rule">
            {line === undefined ? null : (
              <button type="button" className="text-button number" onClick={() => onPlace(line, column)}>
                line {line}
                {column === undefined ? '' : `:${column}`}
              </button>
            )}
            <span className="breakable">
              {path === '' ? null : <code>{path}</code>} {message}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Comparison({ before, after }: { before: PolicyExplanation; after: PolicyExplanation }) {
  return (
    <section aria-label="Before and after" className="panel">
      <h3 className="policy-change-words">{changeInWords(before, after)}</h3>
      <table className="policy-table">
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">What</span>
            </th>
            <th scope="col">In force</th>
            <th scope="col">Changed</th>
          </tr>
        </thead>
        <tbody>
          {compareExplanations(before, after).map((fact) => (
            <tr key={fact.name} className={fact.isChanged ? 'changed' : undefined}>
              <th scope="row">
                {fact.name} {fact.isChanged ? <Badge tone="accent">differs</Badge> : null}
              </th>
              <Side label="In force" values={fact.before} />
              <Side label="Changed" values={fact.after} />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Side({ label, values }: { label: string; values: readonly string[] }) {
  return (
    <td data-label={label}>
      {values.length === 0 ? (
        <span className="faint">—</span>
      ) : (
        values.map((value) => <div key={value}>{value}</div>)
      )}
    </td>
  )
}
