import type { NewAuditEvent } from '../../core/audit-log.ts'
import type { AuditTrail } from '../../core/audit-trail.ts'
import { endCodes, withCode } from '../../core/session-end.ts'
import { personOf, type Person } from '../../core/same-person.ts'
import { type AuditEvent, type SessionEnd, type SessionRow } from '../../core/session.ts'
import { endReasons } from '../../core/vocabulary.ts'
import type { SessionLedger } from '../../core/session-ledger.ts'
import type { DebugContainer } from '../../core/debug-container.ts'
import type { Identity } from '../../core/identity.ts'

/** `who` defaults to the session's user. */
export type SessionAuditEvent = Omit<NewAuditEvent, 'target' | 'sessionId'>

/** An event about a session, with its target and the rules that allowed it. */
export function sessionEvent(row: SessionRow, event: SessionAuditEvent): NewAuditEvent {
  return {
    ...(row.reason === undefined ? {} : { reason: row.reason }),
    rule: row.rules.join(', '),
    ...event,
    target: row.target.ref,
    sessionId: row.id,
    who: personOf(event.who ?? row.user),
  }
}

/** Writes an {@link sessionEvent} by itself: where a row changes with it, the two go together. */
export async function auditSession(
  audit: AuditTrail,
  row: SessionRow,
  event: SessionAuditEvent,
): Promise<void> {
  await audit.record(sessionEvent(row, event))
}

/** What is known of a session that has started: its event and its row. */
export async function storeStart(store: SessionLedger, row: SessionRow): Promise<void> {
  const { id, state, startedAt, container, identity, target } = row
  if (startedAt === undefined || container === undefined || identity === undefined) return
  await store.transaction((transaction) => {
    transaction.record(sessionEvent(row, startedEvent(identity, container)))
    transaction.updateSession(id, { state, startedAt, container, identity, target })
  })
}

/** The event of a shell that runs. */
function startedEvent(
  { uid, gid, capabilities, process }: Identity,
  container: DebugContainer,
): SessionAuditEvent {
  const { name = '', pid } = process ?? {}
  return {
    kind: 'started',
    detail: {
      uid,
      gid,
      capabilities: capabilities.join(','),
      container: container.id,
      ...(process !== undefined && { process: pid === undefined ? name : `${name} (${pid})` }),
    },
  }
}

/** The event of a session's end. */
export function endedEvent(end: SessionEnd): SessionAuditEvent {
  return {
    kind: 'ended',
    ...(end.detail === undefined ? {} : { reason: end.detail }),
    detail: {
      end: end.reason,
      code: end.code,
      ...(end.by === undefined ? {} : byWhom(end.by)),
      ...(end.exitCode === undefined ? {} : { exitCode: end.exitCode }),
    },
  }
}

function byWhom({ subject, name, issuer }: Person): Record<string, string> {
  return { by: subject, byName: name, ...(issuer !== undefined && { byIssuer: issuer }) }
}

/** How a session ended, as its event tells it. Undefined for an event that is none of an end. */
export function endOfEvent({ reason, detail }: AuditEvent, row: SessionRow): SessionEnd | undefined {
  const end = endReasons.find((known) => known === detail?.['end'])
  if (end === undefined) return undefined
  const { by, byName, byIssuer, exitCode, code } = detail ?? {}
  const known = endCodes.find((each) => each === code)
  return withCode({
    reason: end,
    ...(known !== undefined && { code: known }),
    ...(typeof exitCode === 'number' && { exitCode }),
    ...(typeof by === 'string' && {
      by: {
        subject: by,
        name: typeof byName === 'string' ? byName : by,
        ...(typeof byIssuer === 'string' && { issuer: byIssuer }),
      },
    }),
    // Without words of its own the event has the reason that the session was opened for.
    ...(reason !== undefined && reason !== row.reason && { detail: reason }),
  })
}
