/** Requests of an earlier process that were over when it could no longer store that. They don't go on waiting. */
import { personOf } from '../../core/same-person.ts'
import { endOf } from '../../core/session-end.ts'
import type { SessionEnd, SessionRow } from '../../core/session.ts'
import type { SessionLedger } from '../../core/session-ledger.ts'
import { endAsKnown, endRow, type RecoveryOptions } from './recovery.ts'

/**
 * Ends the requests that were denied or withdrawn, or whose environment is gone. Before anybody takes the others up. Never rejects:
 * one that can't be looked at waits on.
 */
export async function endKnownRequests(options: RecoveryOptions): Promise<void> {
  const { store, onProblem } = options
  try {
    for await (const row of waitingRequests(store)) {
      await endIfOver(options, row).catch((cause: unknown) =>
        onProblem(`request ${row.id} could not be ended`, cause),
      )
    }
  } catch (cause) {
    onProblem('the requests that wait could not be listed', cause)
  }
}

/** Every request that waits, as it is stored. Throws `store_unavailable`. */
export async function* waitingRequests(store: SessionLedger): AsyncGenerator<SessionRow> {
  let cursor: string | undefined
  do {
    const page = await store.listSessions({
      states: ['pending-approval'],
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    })
    yield* page.items
    cursor = page.next
  } while (cursor !== undefined)
}

async function endIfOver(options: RecoveryOptions, row: SessionRow): Promise<void> {
  if (await endAsKnown(options, row, undefined)) return
  const end = denialOf(row) ?? (await withdrawalOf(options.store, row)) ?? homeless(options, row)
  if (end !== undefined) await endRow(options, row, end, undefined)
}

/** One denial ends a request. */
function denialOf({ approval }: SessionRow): SessionEnd | undefined {
  const vote = approval?.votes.find(({ decision }) => decision === 'deny')
  if (vote === undefined) return undefined
  const detail = vote.reason ?? 'without a reason'
  return endOf('denied', { code: 'approval_denied', by: personOf(vote.by), detail })
}

async function withdrawalOf(store: SessionLedger, row: SessionRow): Promise<SessionEnd | undefined> {
  const kinds = ['withdrawn', 'terminated'] as const
  const { items } = await store.listAudit({ sessionId: row.id, kinds, limit: 1 })
  const [event] = items
  if (event === undefined) return undefined
  const code = event.kind === 'withdrawn' ? 'withdrawn' : 'terminated'
  const detail = 'It was ended while the gateway could not store that.'
  return endOf('terminated', { code, ...(event.who !== undefined && { by: event.who }), detail })
}

function homeless({ drivers }: RecoveryOptions, { target }: SessionRow): SessionEnd | undefined {
  if (drivers.has(target.environment)) return undefined
  const detail = `Environment ${target.environment} is no longer configured.`
  return endOf('failed', { code: 'environment_removed', detail })
}
