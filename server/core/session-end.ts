/** Why a session ended, for programs: one vocabulary, which the OpenAPI document lists and docs/api.md explains. */
import { type ErrorCode, errorCodes, HatchwayError, messageOf } from './errors.ts'
import type { SessionEnd } from './session.ts'
import type { EndReason } from './vocabulary.ts'

/** Codes of ends that no error caused. Adding one is compatible, renaming one is not. */
const ownCodes = [
  'exited',
  'out_of_memory',
  'target_exited',
  'terminated',
  'withdrawn',
  'caller_gone',
  'idle_timeout',
  'nobody_connected',
  'max_duration',
  'approval_denied',
  'approval_expired',
  'policy_changed',
  'gateway_restarted',
  'environment_removed',
  'lost',
  'shutdown',
] as const

/** What `end.code` may be: why it ended, or the code of the error that ended it. */
export type EndCode = (typeof ownCodes)[number] | ErrorCode

/** All codes, for the OpenAPI document and its tests. */
export const endCodes: readonly EndCode[] = [...ownCodes, ...errorCodes]

const usualCodes: Record<EndReason, EndCode> = {
  exit: 'exited',
  'target-exited': 'target_exited',
  terminated: 'terminated',
  idle: 'idle_timeout',
  expired: 'max_duration',
  denied: 'forbidden',
  failed: 'start_failed',
  'recording-failed': 'recording_failed',
  lost: 'lost',
  shutdown: 'shutdown',
}

type Facts = Partial<Omit<SessionEnd, 'reason'>>

/** An end with the reason's usual code, unless `facts` name another. */
export function endOf(reason: EndReason, facts: Facts = {}): SessionEnd {
  return { reason, code: usualCodes[reason], ...facts }
}

/** The end of a shell or command that ended by itself. */
export function endByExit({
  exitCode,
  outOfMemory,
}: {
  exitCode: number
  outOfMemory?: boolean
}): SessionEnd {
  if (outOfMemory !== true) return endOf('exit', { exitCode })
  const detail = 'The debug container was killed because the memory that it may use ran out.'
  return endOf('exit', { code: 'out_of_memory', exitCode, detail })
}

/** The end that an error brings: its code and words, and what it knows of other ways. */
export function endByError(reason: EndReason, cause: unknown): SessionEnd {
  const detail = messageOf(cause)
  if (!(cause instanceof HatchwayError)) return endOf(reason, { detail })
  const { code, profiles } = cause
  return endOf(reason, { code, detail, ...(profiles !== undefined && { profiles }) })
}

/** An end as it was stored: those of before codes were kept get their reason's usual one. */
export function withCode(stored: Omit<SessionEnd, 'code'> & { code?: EndCode }): SessionEnd {
  return { ...stored, code: stored.code ?? usualCodes[stored.reason] }
}

/** What the caller of a run is told that ended before its command began. Pure. */
export function neverBegan(end: SessionEnd = endOf('failed'), waitedFor?: string): HatchwayError {
  const waiting = waitedFor === undefined ? '' : ` It waited for this: ${waitedFor}`
  if (end.reason === 'expired')
    return new HatchwayError('timeout', `Its time was over before the command had started.${waiting}`)
  const said = end.detail === undefined ? '' : ` ${end.detail}`
  const by = end.by === undefined ? '' : ` by ${end.by.name}`
  const ended = (errorCodes as readonly string[]).includes(end.code)
  const code = ended ? (end.code as ErrorCode) : (stopCodes[end.reason] ?? 'start_failed')
  return new HatchwayError(code, `The command was not started: it was ended${by} before.${said}`)
}

const stopCodes: Partial<Record<EndReason, ErrorCode>> = {
  terminated: 'session_ended',
  denied: 'forbidden',
  shutdown: 'shutting_down',
}
