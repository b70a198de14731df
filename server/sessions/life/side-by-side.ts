/**
 * Sessions in one target. They have its user and see its processes, so each can read the others' keystrokes, write to their
 * terminals and run code in their shells (ptrace(2)): nothing inside a target keeps its people apart.
 */
import { HatchwayError } from '../../core/errors.ts'
import type { Policy } from '../../core/policy.ts'
import { isSamePerson } from '../../core/same-person.ts'
import { heldRequest, isHeld, policyTargetOfSession } from '../../core/session-policy.ts'
import type { SessionRow } from '../../core/session.ts'

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
export function requireFree(row: SessionRow, others: Iterable<SessionRow>, policy: Policy): void {
  for (const other of others) {
    if (!isBeside(row, other)) continue
    if (row.exclusive === true || other.exclusive === true)
      throw inUse(row, other, policy, 'policy lets one person at a time in there')
    const [strong, weak] = row.profile === 'sysadmin' ? [row, other] : [other, row]
    if (strong.profile === 'sysadmin' && weak.profile !== 'sysadmin' && !mayBeStrong(policy, weak))
      throw inUse(row, other, policy, 'one of the two shells is privileged, which the other could take over')
  }
}

function mayBeStrong(policy: Policy, row: SessionRow): boolean {
  return isHeld(policy.decide({ ...heldRequest(row), profile: 'sysadmin' }), row)
}

/** It names who that is only to those who may watch them. */
function inUse(row: SessionRow, other: SessionRow, policy: Policy, why: string): HatchwayError {
  const watch = policy.decide({ who: row.user, action: 'watch', target: policyTargetOfSession(other) })
  const who = watch.effect === 'allow' ? other.user.name : 'Somebody else'
  return new HatchwayError(
    'target_in_use',
    `${who} has a session in ${row.target.name}, and ${why}. Try again when it has ended.`,
  )
}

/** What both people are told, and what both recordings say. */
export const besideNotice =
  'Somebody else has a session in this target now. It has the same user: it can see and change what is typed and shown here.'

export function besideMarker(other: SessionRow): string {
  return `session ${other.id} of another person runs in the same target: from here on it could type and write here`
}
