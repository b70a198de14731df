import { useState } from 'react'
import type { Me } from '../../../server/protocol/sign-in-api.ts'
import { asApiError } from '../../lib/api-error.ts'
import { EmptyState } from '../../components/empty-state.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { LockIcon, SearchIcon } from '../../components/icons.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import {
  explainQueryOf,
  isOwn,
  isQuestion,
  readQuestion,
  whoOf,
  writeQuestion,
  type PolicyQuestion,
} from './policy-question.ts'
import { usePolicyExplanation } from '../../lib/queries.ts'
import { useTitle } from '../../lib/use-title.ts'
import { useUrlState } from '../../lib/use-url-state.ts'
import { PolicyAnswer } from './policy-answer.tsx'
import { PolicyChange } from './policy-change.tsx'
import { PolicyQuestionForm } from './policy-question-form.tsx'
import { Row } from '../../components/panel.tsx'
import './policy-page.css'

/**
 * What policy says to one question, and why. Who may read the audit log asks about anybody and about changed files;
 * the others about themselves. The address holds the question, never a policy.
 */
export function PolicyPage({ me }: { me: Me }) {
  const mayAskAll = me.can.readAudit
  useTitle('Policy')
  const [parameters, update] = useUrlState()
  const address = parameters.toString()
  const [draft, setDraft] = useState(() => readQuestion(parameters))
  const [seen, setSeen] = useState(address)
  if (seen !== address) {
    // A link led here, or the question was asked.
    setSeen(address)
    setDraft(readQuestion(parameters))
  }
  const asked = readQuestion(parameters)
  const own = mayAskAll ? asked : { ...asked, user: '', groups: '' }
  const ask = (): void => update(writeQuestion(draft))
  return (
    <div className="page details-page">
      <header className="policy-head">
        <h1>{mayAskAll ? 'What policy says' : 'What policy says to you'}</h1>
        <p className="muted">
          {mayAskAll
            ? 'One question, as it would be decided: about anybody, at any time, and by a changed policy.'
            : 'One question about yourself, as it would be decided now or at another time.'}
        </p>
      </header>
      <div className="stack wide-gap">
        <PolicyQuestionForm me={me} draft={draft} onDraft={setDraft} onAsk={ask} />
        <Answer me={me} question={own} />
        {mayAskAll ? <PolicyChange me={me} draft={draft} onAsk={ask} /> : null}
      </div>
    </div>
  )
}

function Answer({ me, question }: { me: Me; question: PolicyQuestion }) {
  const isAsked = isQuestion(question)
  const query = usePolicyExplanation(explainQueryOf(question, me), isAsked)
  if (!isAsked) {
    return (
      <EmptyState title="Nothing asked yet" icon={<SearchIcon />}>
        <p>
          Name a target, or choose “read the audit log”, and press Enter. The address then holds the question.
        </p>
      </EmptyState>
    )
  }
  if (query.isPending) return <Skeleton label="Asking policy" rows={4} />
  if (query.data !== undefined)
    return <PolicyAnswer explanation={query.data} question={question} who={whoOf(question, me)} />
  const retry = (): void => void query.refetch()
  if (asApiError(query.error).code === 'target_not_found') return <NothingToSee me={me} question={question} />
  return <ErrorPanel error={query.error} onRetry={retry} isRetrying={query.isFetching} />
}

/** The same for what is not there and for what is hidden: only what the reader knows of themselves. */
function NothingToSee({ me, question }: { me: Me; question: PolicyQuestion }) {
  return (
    <section className="panel" aria-label="What policy says" aria-live="polite">
      <h2 className="policy-verdict" data-tone="bad">
        <LockIcon /> Nothing that you may see
      </h2>
      <p>
        Nothing fits <code>{question.target}</code>: there is no such target, or no rule lets you see it.
        Hatchway gives both the same answer. Ask whoever maintains the policy, with what it knows of you:
      </p>
      <dl>
        <Row name="Subject">
          <span className="mono">{me.subject}</span>
        </Row>
        <Row name="Groups">{me.groups.length === 0 ? 'none' : me.groups.join(', ')}</Row>
        <Row name="Signed in by">{me.issuer}</Row>
      </dl>
      {isOwn(question) ? null : (
        <p className="muted">Targets are looked up as yourself, also in questions about others.</p>
      )}
    </section>
  )
}
