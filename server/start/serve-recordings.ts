import { HatchwayError } from '../core/errors.ts'
import type { Recordings } from '../core/recording.ts'
import { personKey } from '../core/same-person.ts'
import type { SessionRow } from '../core/session.ts'
import type { RecordingReaders } from '../gateway/recordings.ts'
import { toAsciicastV2, toText } from '../evidence/convert.ts'
import { verifyRecording, type VerifyOptions } from '../evidence/verify.ts'

/** What is made of recordings for whoever reads them: each person has one thread at a time for it. */
export function readingDeps(recordings: Recordings): RecordingReaders {
  return {
    verifyRecording: (row, who, signal) => verify(recordings, row, { who: personKey(who), signal }),
    convertRecording: (cast, format, who) =>
      (format === 'text' ? toText : toAsciicastV2)(cast, { who: personKey(who) }),
  }
}

async function verify(recordings: Recordings, row: SessionRow, options: VerifyOptions) {
  if (row.recording === undefined) {
    const detail = `Session ${row.id} has no sealed recording yet; it is sealed when the session ends.`
    throw new HatchwayError('recording_not_found', detail)
  }
  const stored = await recordings.read(row.id, row.recording)
  return verifyRecording(stored, row.id, row.recording, options)
}
