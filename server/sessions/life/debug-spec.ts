import type { DebugSpec, Toolbox } from '../../core/debug-container.ts'
import type { SessionRow } from '../../core/session.ts'
import { kindOf } from '../kinds/kinds.ts'

interface Grounds {
  installation: string
  toolbox: Toolbox
  maxDurationMs: number
}

/** What a driver is to start for a session. */
export function debugSpecOf(row: SessionRow, { installation, toolbox, maxDurationMs }: Grounds): DebugSpec {
  return {
    sessionId: row.id,
    installation,
    user: row.user.subject,
    toolbox,
    profile: row.profile,
    size: row.size,
    maxDurationMs,
    facts: [...(row.target.resolved.facts ?? []), ...(row.target.resolved.unknownFacts ?? [])],
    ...(row.command === undefined ? {} : { command: row.command }),
    ...(row.copy === true ? { copy: true } : {}),
    ...(row.networkOnly === true ? { networkOnly: true } : {}),
    ...processOf(row),
    ...kindOf(row).spec(row.detail),
  }
}

/** Of an approved request, the process that its approvers were shown. */
function processOf({ process, approval, identity }: SessionRow): Pick<DebugSpec, 'process'> {
  if (process === undefined) return {}
  const { name, user } = identity?.process ?? {}
  const isShown = approval !== undefined && name !== undefined && user !== undefined
  return { process: { asked: process, ...(isShown && { approved: { name, user } }) } }
}
