import type { Recorder, RecordingHeader, Recordings } from '../../core/recording.ts'
import type { SessionRow } from '../../core/session.ts'
import type { DebugSpec } from '../../core/debug-container.ts'

/** Begins a session's recording, as policy wants it. Throws as `Recordings.start` does. */
export function startRecording(recordings: Recordings, row: SessionRow, spec: DebugSpec): Promise<Recorder> {
  return recordings.start(headerOf(row, spec), { bestEffort: row.recordingMode === 'best-effort' })
}

/** What a recording's first line says about its session. */
function headerOf(row: SessionRow, spec: DebugSpec): RecordingHeader {
  const facts: Record<string, string> = {
    target: row.target.ref,
    container: row.target.resolved.id,
    image: row.target.image,
    ...(row.target.resolved.pod === undefined ? {} : { pod: row.target.resolved.pod }),
    user: row.user.subject,
    toolbox: `${row.toolbox} (${spec.toolbox.image})`,
    profile: row.profile,
    rules: row.rules.join(', '),
  }
  if (row.networkOnly === true) facts['scope'] = 'network'
  if (row.process !== undefined) facts['process'] = row.process
  if (row.reason !== undefined) facts['reason'] = row.reason
  if (row.ticket !== undefined) facts['ticket'] = row.ticket
  return {
    sessionId: row.id,
    size: row.size,
    startedAt: row.requestedAt,
    title: `${row.user.name} in ${row.target.ref}`,
    command: (spec.command ?? spec.toolbox.shell).join(' '),
    facts,
  }
}
