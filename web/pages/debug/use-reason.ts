import { useRef, useState, type RefObject } from 'react'
import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import type { ApiError } from '../../lib/api-error.ts'
import { refusedField } from './start-refusal.ts'

type Options = Pick<
  NonNullable<TargetDetail['options']>,
  'requireReason' | 'requireTicket' | 'reasonPatterns' | 'ticketPatterns'
>

/** One of the two fields. */
export interface ReasonField {
  text: string
  isRequired: boolean
  /** RE2 expressions, for people to read: the gateway tries them. */
  patterns: readonly string[]
  error: string | undefined
  input: RefObject<HTMLInputElement | null>
  change: (text: string) => void
}

export interface ReasonState {
  reason: ReasonField
  ticket: ReasonField
  /** What goes into the request. */
  request: { reason?: string; ticket?: string }
  /** Whether everything that is needed is there; else says what is missing, and leads to it. */
  isComplete: (needsReason: boolean) => boolean
  /** Takes a refusal that is about one of the two; false when it is about something else. */
  takes: (error: ApiError) => boolean
}

const missingWords = {
  reason: 'A reason is needed here. It goes to the audit trail.',
  ticket: 'A ticket is needed here: the incident or request that this belongs to.',
} as const

/** Why somebody looks into a target, and for which ticket: checked before it is sent, as far as the page can. */
export function useReason(options: Options, start: { reason: string; ticket: string }): ReasonState {
  const [reason, setReason] = useState(start.reason)
  const [ticket, setTicket] = useState(start.ticket)
  const [missing, setMissing] = useState<'reason' | 'ticket'>()
  const [refusal, setRefusal] = useState<{ field: 'reason' | 'ticket'; message: string; text: string }>()
  const inputs = { reason: useRef<HTMLInputElement>(null), ticket: useRef<HTMLInputElement>(null) }
  const texts = { reason: reason.trim(), ticket: ticket.trim() }
  const lead = (field: 'reason' | 'ticket'): void => {
    inputs[field].current?.focus()
    inputs[field].current?.scrollIntoView({ block: 'nearest' })
  }
  const wantedOf = (field: 'reason' | 'ticket'): string => {
    const patterns = field === 'reason' ? options.reasonPatterns : options.ticketPatterns
    return patterns.length === 0 ? '' : ` All of it has to match ${patterns.join(' and ')}.`
  }
  const errorOf = (field: 'reason' | 'ticket'): string | undefined => {
    if (missing === field && texts[field] === '') return `${missingWords[field]}${wantedOf(field)}`
    // Holds for the text that was refused, until another one is there.
    return refusal?.field === field && refusal.text === texts[field] ? refusal.message : undefined
  }
  const describe = (field: 'reason' | 'ticket', isRequired: boolean) => ({
    isRequired,
    error: errorOf(field),
    input: inputs[field],
  })
  return {
    reason: {
      ...describe('reason', options.requireReason),
      text: reason,
      patterns: options.reasonPatterns,
      change: setReason,
    },
    ticket: {
      ...describe('ticket', options.requireTicket),
      text: ticket,
      patterns: options.ticketPatterns,
      change: setTicket,
    },
    request: {
      ...(texts.reason === '' ? {} : { reason: texts.reason }),
      ...(texts.ticket === '' ? {} : { ticket: texts.ticket }),
    },
    isComplete: (needsReason) => {
      const first =
        needsReason && texts.reason === ''
          ? 'reason'
          : options.requireTicket && texts.ticket === ''
            ? 'ticket'
            : undefined
      setMissing(first)
      if (first !== undefined) lead(first)
      return first === undefined
    },
    takes: (error) => {
      const refused = refusedField(error)
      if (refused === undefined) return false
      setRefusal({ ...refused, text: texts[refused.field] })
      lead(refused.field)
      return true
    },
  }
}
