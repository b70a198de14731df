/**
 * Sessions in one target. They have its user and see its processes, so each can read the others' keystrokes, write to their
 * terminals and run code in their shells (ptrace(2)): nothing inside a target keeps its people apart.
 */
import { HatchwayError } from '../../core/errors.ts'
import { isSamePerson } from '../../core/same-person.ts'
import type { SessionRow } from '../../core/session.ts'
import type { SessionJudge } from '../session-judge.ts'

/** Whether somebody else has, or is getting, a shell beside this one's. Of a pod: in any of its containers. */
export function isBeside(row: SessionRow, other: SessionRow): boolean {
  return (
    other.id !== row.id &&
    (other.state === 'starting' || other.state === 'running') &&
    other.target.environment === row.target.environment &&
    other.target.resolved.id === row.target.resolved.id &&
    // A debug copy is a pod of its own.
    row.copy !== true &&
    other.copy !== true &&
    !isSamePerson(row.user, other.user)
  )
}

/**
 * Throws `target_in_use` when this session can't start beside the others: where a rule of one of them says `exclusive`, and
 * where one is privileged and the other's person may not be, who could take its shell over.
 */
export function requireFree(row: SessionRow, others: Iterable<SessionRow>, judge: SessionJudge): void {
  for (const other of others) {
    if (!isBeside(row, other)) continue
    if (row.exclusive === true || other.exclusive === true)
      throw inUse(row, other, judge, 'policy lets one person at a time in there')
    const [strong, weak] = row.profile === 'sysadmin' ? [row, other] : [other, row]
    if (strong.profile === 'sysadmin' && weak.profile !== 'sysadmin' && !judge.mayBePrivileged(weak))
      throw inUse(row, other, judge, 'one of the two shells is privileged, which the other could take over')
  }
}

/** It names who that is only to those who may watch them. */
function inUse(row: SessionRow, other: SessionRow, judge: SessionJudge, why: string): HatchwayError {
  const who = judge.mayWatch(row.user, other) ? other.user.name : 'Somebody else'
  return new HatchwayError(
    'target_in_use',
    `${who} has a session in ${row.target.name}, and ${why}. Try again when it has ended.`,
  )
}

/** A live session that can be told something. */
interface Told {
  readonly row: SessionRow
  warn(text: string, mark: string): void
}

/** Two people in one target can do anything to each other's shells: both know, and so do both recordings. */
export function tellThoseBeside(session: Told, others: Iterable<Told>): void {
  for (const other of others) {
    if (other.row.state !== 'running' || !isBeside(session.row, other.row)) continue
    // They share a pod's network, and no processes.
    if (session.row.networkOnly === true || other.row.networkOnly === true) continue
    session.warn(besideNotice, besideMarker(other.row))
    other.warn(besideNotice, besideMarker(session.row))
  }
}

const besideNotice =
  'Somebody else has a session in this target now. It has the same user: it can see and change what is typed and shown here.'

function besideMarker(other: SessionRow): string {
  return `session ${other.id} of another person runs in the same target: from here on it could type and write here`
}
