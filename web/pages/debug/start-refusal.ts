import type { ApiError } from '../../lib/api-error.ts'

/** The field that the gateway's refusal of a start is about, with its words; undefined when it is about none of them. Pure. */
export function refusedField(error: ApiError): { field: 'reason' | 'ticket'; message: string } | undefined {
  if (error.code === 'reason_required') return { field: 'reason', message: error.message }
  if (error.code === 'ticket_required') return { field: 'ticket', message: error.message }
  for (const field of ['reason', 'ticket'] as const) {
    const problem = error.fields.find(({ pointer }) => pointer === `/${field}`)
    if (problem !== undefined) return { field, message: `It ${problem.message}.` }
  }
  return undefined
}
