import type { PolicyExplanation } from '../../../server/protocol/approval-api.ts'
import { Badge } from '../../components/badge.tsx'
import { CheckIcon, CrossIcon, WarningIcon } from '../../components/icons.tsx'
import { moment } from '../../lib/format.ts'
import { policyActions, type PolicyQuestion } from './policy-question.ts'
import { factsOf, rulesOf, verdictOf, type RuleLine } from '../../lib/policy-words.ts'
import { Row } from '../../components/panel.tsx'
import './policy-answer.css'

interface PolicyAnswerProps {
  explanation: PolicyExplanation
  question: PolicyQuestion
  who: { subject: string; groups: readonly string[] }
}

/** The verdict, what holds or would be needed, and every rule that was considered. */
export function PolicyAnswer({ explanation, question, who }: PolicyAnswerProps) {
  return (
    <section className="panel policy-answer" aria-label="What policy says" aria-live="polite">
      <VerdictLine explanation={explanation} />
      <p className="muted breakable">
        <span className="mono">{who.subject}</span>
        {who.groups.length === 0 ? ' without groups' : ` in ${who.groups.join(', ')}`},{' '}
        {policyActions.find(([action]) => action === question.action)?.[1]}
        {question.target === '' ? null : (
          <>
            : <span className="mono">{question.target}</span>
          </>
        )}
        {question.at === '' ? '' : `, ${moment(question.at)}`}
      </p>
      {explanation.explanation === undefined ? null : <p className="breakable">{explanation.explanation}</p>}
      <dl>
        {factsOf(explanation).map(({ name, values }) => (
          <Row key={name} name={name}>
            {values.map((value) => (
              <div key={value}>{value}</div>
            ))}
          </Row>
        ))}
      </dl>
      <Rules lines={rulesOf(explanation)} version={explanation.policyVersion} />
    </section>
  )
}

export function VerdictLine({ explanation }: { explanation: PolicyExplanation }) {
  const { words, tone } = verdictOf(explanation)
  return (
    <h2 className="policy-verdict" data-tone={tone}>
      {tone === 'ok' ? <CheckIcon /> : tone === 'warn' ? <WarningIcon /> : <CrossIcon />} {words}
    </h2>
  )
}

const effectTones = { allow: 'ok', deny: 'bad', 'require-approval': 'warn' } as const

/** Those that count are open to see; those that miss are folded, and there may be many. */
function Rules({ lines, version }: { lines: readonly RuleLine[]; version: string }) {
  const counting = lines.filter(({ state }) => state !== 'misses')
  const missing = lines.filter(({ state }) => state === 'misses')
  return (
    <div className="policy-rules">
      <h3 className="section-title">
        Rules considered <span className="faint mono">policy {version.slice(0, 12)}</span>
      </h3>
      {counting.length === 0 ? (
        <p className="muted">No rule matches, and none comes close.</p>
      ) : (
        <RuleList lines={counting} />
      )}
      {missing.length === 0 ? null : (
        <details>
          <summary>
            {missing.length === 1
              ? 'One more that does not match'
              : `${missing.length} more that do not match`}
          </summary>
          <RuleList lines={missing} />
        </details>
      )}
    </div>
  )
}

function RuleList({ lines }: { lines: readonly RuleLine[] }) {
  return (
    <ul className="plain-list policy-list">
      {lines.map(({ name, effect, state, words }) => (
        <li key={name} className={`policy-rule ${state}`}>
          <Badge tone={effectTones[effect]}>{effect}</Badge>
          <span className="breakable">
            <strong>{name}</strong> <span className="muted">{words}</span>
          </span>
        </li>
      ))}
    </ul>
  )
}
