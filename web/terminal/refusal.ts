import { ApiError } from '../lib/api-error.ts'
import type { Refusal } from './terminal-connection.ts'

/** What a refused look at the session says about its line. Pure. */
export function refusalOf(cause: unknown): Refusal {
  if (!(cause instanceof ApiError)) return { kind: 'retry' }
  if (cause.status === 401) return { kind: 'expired' }
  if ([403, 404, 410].includes(cause.status)) return { kind: 'refused', detail: cause.message }
  if (cause.code !== 'provider_unavailable') return { kind: 'retry' }
  return { kind: 'retry', why: 'The identity provider gives no answer, so nobody can be let in.' }
}
