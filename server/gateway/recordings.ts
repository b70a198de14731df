/** Who reads recordings, and has them checked. Whoever reads has left a trace before the first byte. */
import type { Readable } from 'node:stream'
import type { AuditTrail } from '../core/audit-trail.ts'
import type { Recordings } from '../core/recording.ts'
import { personOf, type PersonId } from '../core/same-person.ts'
import type { AuditEvent, SessionRow } from '../core/session.ts'
import type { Verification } from '../protocol/session-api.ts'
import type { Caller } from './caller.ts'
import { findSession, refuseSession, type FindSessionDeps } from './find-session.ts'

export type RecordingFormat = 'asciicast-v3' | 'asciicast-v2' | 'text'

/** What is made of recordings, away from the event loop. */
export interface RecordingReaders {
  /** Throws `too_many_requests` when too many are wanted, of all or by this person. */
  verifyRecording: (row: SessionRow, who: PersonId, signal: AbortSignal) => Promise<Verification>
  /**
   * From asciicast v3 as stored. Errors of the source come out of the result, and `too_many_requests`; to destroy it destroys the
   * source.
   */
  convertRecording: (
    asciicast: Readable,
    format: Exclude<RecordingFormat, 'asciicast-v3'>,
    who: PersonId,
  ) => Readable
}

export interface RecordingCasesDeps extends FindSessionDeps, RecordingReaders {
  recordings: Pick<Recordings, 'read'>
  audit: AuditTrail
}

export interface RecordingCases {
  /** Everything that was shown, live or sealed. `exported`: to be kept by the caller. */
  read(
    caller: Caller,
    id: string,
    wanted: { format: RecordingFormat; exported: boolean },
  ): Promise<{ row: SessionRow; content: Readable }>
  verify(caller: Caller, id: string, signal: AbortSignal): Promise<Verification>
}

export function createRecordingCases(deps: RecordingCasesDeps): RecordingCases {
  const { audit, recordings, verifyRecording, convertRecording } = deps
  const readable = async (caller: Caller, id: string) => {
    const { row, rights } = await findSession(deps, caller, id)
    return rights.replay ? row : await refuseSession(audit, caller, row, 'read-recording')
  }
  return {
    async read(caller, id, { format, exported }) {
      const row = await readable(caller, id)
      const stored = await recordings.read(row.id, row.recording)
      const kind = exported ? 'exported' : 'played'
      await auditReading(audit, caller, row, { kind, detail: { format } }).catch((error: unknown) => {
        stored.destroy()
        throw error
      })
      return {
        row,
        content: format === 'asciicast-v3' ? stored : convertRecording(stored, format, caller.who),
      }
    },
    async verify(caller, id, signal) {
      const row = await readable(caller, id)
      await auditReading(audit, caller, row, { kind: 'verified' })
      return await verifyRecording(row, caller.who, signal)
    },
  }
}

async function auditReading(
  audit: AuditTrail,
  { who, from }: Caller,
  row: SessionRow,
  event: Pick<AuditEvent, 'kind' | 'detail'>,
): Promise<void> {
  await audit.record({
    ...event,
    who: personOf(who),
    from,
    action: 'read-recording',
    target: row.target.ref,
    sessionId: row.id,
  })
}
