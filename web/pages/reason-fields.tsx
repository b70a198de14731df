import type { RefObject } from 'react'
import { Field } from '../components/field.tsx'

interface ReasonFieldsProps {
  reason: string
  ticket: string
  isRequired: boolean
  error: string | undefined
  reasonInput: RefObject<HTMLInputElement | null>
  onReason: (reason: string) => void
  onTicket: (ticket: string) => void
}

/** Why somebody looks into a target, for the audit trail. */
export function ReasonFields(props: ReasonFieldsProps) {
  const { reason, ticket, isRequired, error, reasonInput, onReason, onTicket } = props
  return (
    <div className="reason-row">
      <Field
        label="Reason"
        isRequired={isRequired}
        error={error}
        hint="Why you need it. Kept in the audit trail."
      >
        {(control) => (
          <input
            {...control}
            ref={reasonInput}
            type="text"
            maxLength={500}
            autoComplete="off"
            placeholder="checkout returns 502 since 02:40"
            value={reason}
            onChange={(event) => onReason(event.target.value)}
          />
        )}
      </Field>
      <Field label="Ticket" hint="Optional.">
        {(control) => (
          <input
            {...control}
            type="text"
            maxLength={100}
            autoComplete="off"
            placeholder="INC-1234"
            value={ticket}
            onChange={(event) => onTicket(event.target.value)}
          />
        )}
      </Field>
    </div>
  )
}
