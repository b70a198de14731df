import type { Profile } from './vocabulary.ts'

/**
 * Every failure that a caller can meet: code → HTTP status and title.
 * Callers branch on `code`; the words are for people. Adding a code is compatible, renaming one is not.
 */
const errors = {
  invalid_request: [400, 'The request is not valid'],
  sign_in_stale: [400, 'This sign-in cannot be finished'],
  sign_in_mixed_up: [400, 'The answer came from another identity provider'],
  unauthenticated: [401, 'Sign in is required'],
  token_invalid: [401, 'The token was not accepted'],
  forbidden: [403, 'Policy does not allow this'],
  sign_in_denied: [403, 'The identity provider did not let you in'],
  origin_refused: [403, 'The request came from another site'],
  reason_required: [403, 'A reason is required'],
  ticket_required: [403, 'A ticket is required'],
  groups_left_out: [403, 'The token does not say the groups'],
  own_request: [403, 'Nobody decides on their own request'],
  profile_insufficient: [403, 'This target needs another profile'],
  backend_forbidden: [403, 'The cluster does not allow this'],
  admission_refused: [403, 'The cluster refuses such a debug container'],
  not_found: [404, 'Not found'],
  target_not_found: [404, 'Target not found'],
  process_not_found: [404, 'The target has no such process'],
  session_not_found: [404, 'Session not found'],
  recording_not_found: [404, 'Recording not found'],
  method_not_allowed: [405, 'This address does not take that method'],
  target_ambiguous: [409, 'The name fits several targets'],
  target_in_use: [409, 'The target is in use'],
  target_not_running: [409, 'The target is not running'],
  session_not_ready: [409, 'The session has no terminal yet'],
  already_decided: [409, 'It has been decided already'],
  session_ended: [410, 'The session has ended'],
  too_large: [413, 'The request is too large'],
  too_many_requests: [429, 'Too many requests'],
  too_many_sessions: [429, 'Too many sessions'],
  too_many_connections: [429, 'Too many connections'],
  internal_error: [500, 'Something went wrong inside the gateway'],
  image_unavailable: [502, 'The toolbox image cannot be had'],
  provider_refused: [502, 'The identity provider refused the gateway'],
  provider_answer_invalid: [502, "The identity provider's answer was not accepted"],
  clocks_differ: [502, 'The clocks of gateway and identity provider differ'],
  toolbox_unusable: [502, 'The toolbox lacks what a session needs'],
  start_failed: [502, 'The debug container could not be started'],
  cancelled: [499, 'The request was cancelled'],
  storage_full: [503, 'There is no room on the disk'],
  recording_too_large: [507, 'The recording has reached its limit'],
  recording_failed: [503, 'The recording cannot be written'],
  backend_unavailable: [503, 'The container engine cannot be reached'],
  provider_unavailable: [503, 'The identity provider cannot be reached'],
  store_unavailable: [503, 'The store cannot be reached'],
  shutting_down: [503, 'The gateway is shutting down'],
  timeout: [504, 'The container engine took too long'],
} as const satisfies Record<string, readonly [number, string]>

export type ErrorCode = keyof typeof errors

/** All codes, for the OpenAPI document and its tests. */
export const errorCodes = Object.keys(errors) as ErrorCode[]

interface HatchwayErrorOptions {
  cause?: unknown
  profiles?: readonly Profile[]
  retryAfterSeconds?: number
}

/**
 * The one error that reaches callers. `message` says what happened, to what, and what to do next;
 * it never holds a secret. `cause` is for the log only.
 */
export class HatchwayError extends Error {
  override readonly name = 'HatchwayError'
  readonly code: ErrorCode
  /** Of a start that was refused: the profiles that would be taken there, the one to offer first. */
  readonly profiles?: readonly Profile[]

  /** Of a refusal that is over by itself: when to ask again. */
  readonly retryAfterSeconds?: number

  constructor(code: ErrorCode, detail: string, options: HatchwayErrorOptions = {}) {
    super(detail, options)
    this.code = code
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds
    if (options.profiles !== undefined) this.profiles = options.profiles
  }

  get status(): number {
    return errors[this.code][0]
  }

  get title(): string {
    return errors[this.code][1]
  }
}

/** The words of any thrown value. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
