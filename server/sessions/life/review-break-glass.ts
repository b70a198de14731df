import type { BreakGlass } from '../../core/approval.ts'
import { HatchwayError } from '../../core/errors.ts'
import type { Notify } from '../../core/notification.ts'
import { personOf } from '../../core/same-person.ts'
import type { SessionRow } from '../../core/session.ts'
import type { Approvals } from '../sessions.ts'
import { type ApproverDeps, checkApprover } from './check-approver.ts'
import { sessionEvent } from './session-audit.ts'
import type { SessionRegistry } from './session-registry.ts'

/** One review for each session, whoever else reviews it at the same time. As {@link Approvals.review}. */
export async function reviewBreakGlass(
  deps: ApproverDeps & { registry: SessionRegistry; notify: Notify },
  id: string,
  act: Parameters<Approvals['review']>[1],
): Promise<SessionRow> {
  const { store, registry, notify } = deps
  const row = registry.live(id)?.row ?? (await store.getSession(id))
  if (row === undefined) throw new HatchwayError('session_not_found', `There is no session ${id}.`)
  breakGlassOf(row)
  await checkApprover(deps, row, act)
  const broken = unreviewedOf(row)
  if (row.state !== 'ended')
    throw new HatchwayError('session_not_ready', 'The session is reviewed after its end; it still runs.')
  const { who, from, verdict, reason } = act
  const by = personOf(who)
  const event = { kind: 'reviewed', who, from, action: 'approve', reason, detail: { verdict } } as const
  const review = { verdict, by, at: new Date(), reason }
  const breakGlass = { ...broken, review }
  await store.change(id, (stored) => ({
    change: { breakGlass: { ...unreviewedOf(stored), review } },
    events: [sessionEvent(stored, event)],
  }))
  registry.live(id)?.change({ breakGlass })
  const reviewed = { ...row, breakGlass }
  notify({ kind: 'reviewed', session: reviewed, by, reason: `${verdict}: ${reason}` })
  return reviewed
}

function breakGlassOf({ breakGlass }: SessionRow): BreakGlass {
  if (breakGlass === undefined)
    throw new HatchwayError('forbidden', 'Only break-glass sessions are reviewed.')
  return breakGlass
}

function unreviewedOf(row: SessionRow): BreakGlass {
  const { review, ...broken } = breakGlassOf(row)
  if (review !== undefined)
    throw new HatchwayError('already_decided', `${review.by.name} has already reviewed this session.`)
  return broken
}
