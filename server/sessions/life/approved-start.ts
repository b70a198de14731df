/** What an approved request may start as: what the approvers were shown, as policy and the target are now. */
import { HatchwayError } from '../../core/errors.ts'
import type { SessionRow } from '../../core/session.ts'
import { isWorkload, parseTargetRef, refOfPod, resourceKindOf } from '../../core/target-ref.ts'
import type { Toolbox } from '../../core/debug-container.ts'
import type { TargetAccess, TargetDriver } from '../../core/driver.ts'
import type { Target } from '../../core/target.ts'
import type { Judgement } from '../session-judge.ts'
import { targetOf } from './session-row.ts'

const findMs = 10_000

/** What changes in the row when it starts. Throws `forbidden` when it would no longer be what the approvers saw. */
export function startOf(row: SessionRow, judged: Judgement & { ready: true }, toolboxes: readonly Toolbox[]) {
  const { approval } = row
  if (approval === undefined) throw new Error('a session without a request was to be started by its approval')
  const toolbox = toolboxes.find(({ name }) => name === row.toolbox)
  if (toolbox?.image !== approval.plan.image) {
    throw new HatchwayError(
      'forbidden',
      `The toolbox ${row.toolbox} is not the one that was approved any more. Ask again.`,
    )
  }
  const { grant, rules, outcome } = judged
  const maxDurationMs = Math.min(grant.maxDurationMs, approval.plan.maxDurationMs)
  const change = {
    approval: { ...approval, outcome },
    rules,
    deadline: new Date(Date.now() + maxDurationMs),
    idleTimeoutMs: grant.idleTimeoutMs,
    recordInput: grant.recordInput,
    exclusive: grant.exclusive,
    recordingMode: grant.recording,
  } satisfies Partial<SessionRow>
  return { toolbox, change }
}

/**
 * The target that was approved, if it still runs. If its pod is gone, another one of the same workload, where a workload was
 * asked for; `note` says so. Never a container or pod that merely took over the name. Throws `target_not_found` in plain words.
 */
export async function resolveApproved(
  row: SessionRow,
  driver: TargetDriver,
): Promise<{ found: Target; target: SessionRow['target']; note?: string }> {
  const access = driver.as(row.user)
  const same = await findSame(row, access)
  if (same !== undefined)
    return { found: same, target: { ...targetOf(row.target.ref, same), ...namesOf(row, same) } }
  const ref = parseTargetRef(row.target.ref)
  if (!isWorkload(ref)) {
    throw new HatchwayError(
      'target_not_found',
      `The ${resourceKindOf(ref)} that the request was for is gone. Ask again for what took its place.`,
    )
  }
  const lookup = row.pick === undefined ? {} : { pick: row.pick }
  const found = await access.find(ref, lookup, AbortSignal.timeout(findMs))
  const from = row.target.resolved.pod ?? row.target.resolved.id
  const note = `The pod ${from} is gone; the session starts in ${found.cluster?.pod ?? found.name} of the same ${resourceKindOf(ref)}.`
  return { found, target: targetOf(row.target.ref, found), note }
}

/** Asked for by its own name, so that a workload does not lead to another pod while this one still runs. */
async function findSame(row: SessionRow, access: TargetAccess): Promise<Target | undefined> {
  const ref = parseTargetRef(row.target.ref)
  const { id, pod, container } = row.target.resolved
  const own = refOfPod(ref, pod, container)
  try {
    const found = await access.find(own, {}, AbortSignal.timeout(findMs))
    return found.id === id && found.ownSession === undefined ? found : undefined
  } catch (cause) {
    if (cause instanceof HatchwayError && cause.code === 'target_not_found') return undefined
    throw cause
  }
}

/** The workload that was asked for stays the first of the names: that is how the session's target is called. */
function namesOf(row: SessionRow, found: Target): Pick<SessionRow['target'], 'names'> {
  const names = found.cluster?.names
  if (names === undefined) return {}
  const first = row.target.names?.[0]
  return {
    names: [...new Set([...(first === undefined || !names.includes(first) ? [] : [first]), ...names])],
  }
}
