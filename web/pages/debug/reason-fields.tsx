import type { ReactNode } from 'react'
import { Field } from '../../components/field.tsx'
import type { ReasonField } from './use-reason.ts'
import './reason-fields.css'

/** Why somebody looks into a target, for the audit trail. */
export function ReasonFields({ reason, ticket }: { reason: ReasonField; ticket: ReasonField }) {
  return (
    <div className="reason-row">
      <OneField
        label="Reason"
        field={reason}
        hint="Why you need it. Kept in the audit trail."
        maxLength={500}
        placeholder="checkout returns 502 since 02:40"
      />
      <OneField
        label="Ticket"
        field={ticket}
        hint={ticket.isRequired ? 'Kept in the audit trail.' : 'Optional.'}
        maxLength={100}
        placeholder="INC-1234"
      />
    </div>
  )
}

interface OneFieldProps {
  label: string
  field: ReasonField
  hint: string
  maxLength: number
  placeholder: string
}

function OneField({ label, field, hint, maxLength, placeholder }: OneFieldProps) {
  const { text, isRequired, patterns, error, input, change } = field
  return (
    <Field
      label={label}
      isRequired={isRequired}
      error={error}
      hint={patterns.length === 0 ? hint : <Expected patterns={patterns} hint={hint} />}
    >
      {(control) => (
        <input
          {...control}
          ref={input}
          type="text"
          maxLength={maxLength}
          autoComplete="off"
          placeholder={patterns.length === 0 ? placeholder : undefined}
          value={text}
          onChange={(event) => change(event.target.value)}
        />
      )}
    </Field>
  )
}

/** The gateway tries the expressions: they are not of this page, and RE2 is not what browsers have. */
function Expected({ patterns, hint }: { patterns: readonly string[]; hint: string }): ReactNode {
  return (
    <>
      {hint} All of it has to match{' '}
      {patterns.map((pattern, index) => (
        <span key={pattern}>
          {index === 0 ? '' : ' and '}
          <code className="pattern">{pattern}</code>
        </span>
      ))}
      .
    </>
  )
}
