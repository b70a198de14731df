import type { Me } from '../../../server/protocol/sign-in-api.ts'
import { Button } from '../../components/button.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { Field } from '../../components/field.tsx'
import { SelectField } from '../../components/select-field.tsx'
import { TargetField } from '../../components/target-field.tsx'
import { policyActions, writeQuestion, type PolicyQuestion } from './policy-question.ts'
import { profileWords } from '../../lib/words.ts'
import './policy-question-form.css'

interface PolicyQuestionFormProps {
  me: Me
  draft: PolicyQuestion
  onDraft: (draft: PolicyQuestion) => void
  onAsk: () => void
}

/** Who, what, where, when. Enter in any field asks. */
export function PolicyQuestionForm({ me, draft, onDraft, onAsk }: PolicyQuestionFormProps) {
  const change = (part: Partial<PolicyQuestion>): void => onDraft({ ...draft, ...part })
  const text = (key: keyof PolicyQuestion, label: string, hint: string, placeholder = '') => (
    <Field label={label} hint={hint}>
      {(control) => (
        <input
          {...control}
          type="text"
          maxLength={key === 'groups' ? 4000 : key === 'reason' ? 500 : 255}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          placeholder={placeholder}
          value={draft[key]}
          onChange={(event) => change({ [key]: event.target.value })}
        />
      )}
    </Field>
  )
  return (
    <form
      className="panel"
      aria-label="Question"
      onSubmit={(event) => {
        event.preventDefault()
        onAsk()
      }}
    >
      <div className="policy-fields">
        {me.can.readAudit ? (
          <>
            {text('user', 'Who', 'A subject. Empty: you.', me.subject)}
            <div className="policy-wide">
              {text(
                'groups',
                'Groups',
                'Separated by commas. With an empty “Who” too: yours.',
                me.groups.join(', ') || 'none',
              )}
            </div>
          </>
        ) : null}
        <Choice
          label="May"
          value={draft.action}
          options={policyActions}
          onChange={(action) => change({ action })}
        />
        <div className="policy-wide">
          <TargetField
            label="Target"
            hint="As in a link: environment/container, or environment/namespace/kind/name."
            value={draft.target}
            onChange={(target) => change({ target })}
          />
        </div>
        {text('toolbox', 'Toolbox', 'Empty: none in particular.')}
        <Choice
          label="Profile"
          value={draft.profile}
          options={[
            ['', 'none in particular'],
            ...Object.keys(profileWords).map((name) => [name, name] as const),
          ]}
          onChange={(profile) => change({ profile })}
        />
        <Field label="When" hint="Your time zone. Empty: now.">
          {(control) => (
            <input
              {...control}
              type="datetime-local"
              value={draft.at}
              onChange={(event) => change({ at: event.target.value })}
            />
          )}
        </Field>
        <div className="policy-wide">{text('reason', 'Reason', 'What would be said at the start.')}</div>
        {text('ticket', 'Ticket', 'Likewise.', 'INC-1234')}
      </div>
      <div className="actions policy-actions">
        <Button kind="primary" type="submit">
          Ask policy
        </Button>
        <CopyButton text={linkOf(draft)} label="link to this question" />
      </div>
    </form>
  )
}

function linkOf(question: PolicyQuestion): string {
  const said = Object.entries(writeQuestion(question)).filter(([, value]) => value !== '')
  return `${location.origin}/policy?${new URLSearchParams(said).toString()}`
}

interface ChoiceProps {
  label: string
  value: string
  options: readonly (readonly [value: string, words: string])[]
  onChange: (value: string) => void
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <div className="field">
      <span className="field-label" aria-hidden="true">
        {label}
      </span>
      <SelectField label={label} value={value} options={options} onChange={onChange} />
    </div>
  )
}
