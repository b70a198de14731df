import { useState } from 'react'
import type { PolicyExplanation } from '../../../server/protocol/approval-api.ts'
import { Button, ButtonLink } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { lackWords } from '../../lib/policy-words.ts'
import { usePolicyExplanation } from '../../lib/queries.ts'

/** Which rules decided against a session here, and which would allow it but for one thing. */
export function WhyNot({ targetRef, said }: { targetRef: string; said: string | undefined }) {
  const [isAsked, setIsAsked] = useState(false)
  const query = usePolicyExplanation({ target: targetRef, action: 'open' }, isAsked)
  if (query.data !== undefined)
    return <Explanation explanation={query.data} targetRef={targetRef} said={said} />
  return (
    <>
      <div className="actions middle">
        <Button isBusy={query.isFetching} onClick={() => setIsAsked(true)}>
          Why not?
        </Button>
      </div>
      {query.error === null ? null : (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} isRetrying={query.isFetching} />
      )}
    </>
  )
}

interface ExplanationProps {
  explanation: PolicyExplanation
  targetRef: string
  /** What the page says already. */
  said: string | undefined
}

function Explanation({ explanation, targetRef, said }: ExplanationProps) {
  const { effect, rules, near } = explanation
  const words =
    explanation.explanation ?? (effect === 'deny' ? 'Policy does not allow it.' : 'Policy allows it now.')
  return (
    <section className="panel" aria-label="Why not" aria-live="polite">
      <h2 className="section-title">What policy says</h2>
      {words === said ? null : <p>{words}</p>}
      <dl>
        {rules.length === 0 ? null : (
          <div className="fact">
            <dt>Decided by</dt>
            <dd>{rules.join(', ')}</dd>
          </div>
        )}
        {near.map((rule) => (
          <div className="fact" key={rule.name}>
            <dt>Nearly</dt>
            <dd>
              <strong>{rule.name}</strong> {lackWords[rule.lacks]}: {rule.wants}
            </dd>
          </div>
        ))}
      </dl>
      <div className="actions">
        <ButtonLink href={`/policy?${new URLSearchParams({ target: targetRef }).toString()}`}>
          Ask about another time or profile
        </ButtonLink>
      </div>
    </section>
  )
}
