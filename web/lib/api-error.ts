import type { Problem } from '../../server/protocol/api.ts'

/** Anything that went wrong with a call: the server's problem+json, or what kept us from getting one. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  /** The server's stable code, or `network`, `timeout`, `bad_answer`. */
  readonly code: string
  readonly title: string
  /** The request id to look for in the server's log. */
  readonly instance: string | undefined
  readonly fields: NonNullable<Problem['errors']>

  constructor(
    problem: Pick<Problem, 'status' | 'code' | 'title' | 'detail' | 'errors'> & { instance?: string },
  ) {
    super(problem.detail)
    this.status = problem.status
    this.code = problem.code
    this.title = problem.title
    this.instance = problem.instance
    this.fields = problem.errors ?? []
  }
}

/** Words for any thrown value, so that every screen can show title, detail and code. */
export function asApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new ApiError({ status: 0, code: 'unexpected', title: 'Something went wrong in this page', detail })
}
