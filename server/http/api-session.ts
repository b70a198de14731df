import { describeApproval, describeBreakGlass } from './api-approval.ts'
import { personOf } from '../core/same-person.ts'
import type { SessionRow } from '../core/session.ts'
import type { Identity } from '../core/identity.ts'
import type { Session } from '../protocol/session-api.ts'
import { kindOf } from '../sessions/kinds/kinds.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { SessionView } from '../gateway/find-session.ts'

/** A session as one caller may see it, with what policy lets them do with it now. */
export function toApiSession({ row, live, rights }: SessionView): Session {
  const ended = row.state === 'ended'
  // It counts as live until it is sealed, a moment after the end.
  const readable = row.recording !== undefined || !ended || live !== undefined
  const { id, state, identity, target } = row
  const progress = state === 'starting' ? live?.progress : undefined
  const { ref, name, environment, namespace, image, resolved } = target
  return withoutUndefined({
    id,
    state,
    phase: progress?.phase,
    progress,
    target: withoutUndefined({
      ref,
      name,
      environment,
      namespace,
      image,
      resolved,
      facts: resolved.facts && [...resolved.facts],
    }),
    user: personOf(row.user),
    toolbox: row.toolbox,
    profile: row.profile,
    command: row.command && [...row.command],
    copy: row.copy,
    scope: scopeOf(row),
    process: row.process,
    ...kindOf(row).describe(row.detail),
    identity: identity && describeIdentity(identity),
    reason: row.reason,
    ticket: row.ticket,
    size: row.size,
    requestedAt: row.requestedAt.toISOString(),
    startedAt: row.startedAt?.toISOString(),
    endedAt: row.endedAt?.toISOString(),
    end: row.end,
    deadline: row.deadline.toISOString(),
    idleTimeoutSeconds: Math.floor(row.idleTimeoutMs / 1000),
    rules: [...row.rules],
    approval: row.approval && describeApproval(row.approval),
    breakGlass: row.breakGlass && describeBreakGlass(row.breakGlass),
    viewers: [...(live?.viewers ?? [])],
    recording: describeRecording(row, readable),
    can: {
      control: !ended && rights.control,
      watch: !ended && rights.watch,
      terminate: !ended && rights.terminate,
      replay: rights.replay && readable,
      decide: rights.vote,
      review: rights.review,
    },
  })
}

function scopeOf({ copy, networkOnly }: SessionRow): Session['scope'] {
  if (copy === true) return 'copy'
  return networkOnly === true ? 'network' : 'container'
}

export function describeIdentity(identity: Identity): NonNullable<Session['identity']> {
  return { ...identity, groups: [...identity.groups], capabilities: [...identity.capabilities] }
}

function describeRecording(row: SessionRow, readable: boolean): Session['recording'] {
  const { recording } = row
  if (recording === undefined) return { state: readable ? 'live' : 'missing' }
  const { sha256, bytes, outputBytes, durationMs } = recording
  return { state: 'sealed', sha256, bytes, outputBytes, durationMs }
}
