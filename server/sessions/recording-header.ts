import type { RecordingHeader } from '../core/recording.ts'
import type { SessionRow } from '../core/session.ts'
import type { DebugSpec } from '../core/target.ts'

/** What a recording's first line says about its session. */
export function headerOf(row: SessionRow, spec: DebugSpec): RecordingHeader {
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
