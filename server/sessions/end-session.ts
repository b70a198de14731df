/** The steps of a session's end. None of them rejects: what fails is the observer's, and the next start or the reaper comes back to it. */
import type { ApprovalOutcome } from '../core/approval.ts'
import type { Recorder, RecordingSummary } from '../core/recording.ts'
import type { EndReason, SessionEnd, SessionRow } from '../core/session.ts'
import type { Store } from '../core/store.ts'
import type { TargetDriver } from '../core/target.ts'
import type { SessionObserver } from './sessions.ts'

interface EndDeps {
  store: Store
  observer: SessionObserver
}

const stopTimeoutMs = 20_000

const outcomes: Partial<Record<EndReason, ApprovalOutcome>> = {
  denied: 'denied',
  expired: 'expired',
  terminated: 'withdrawn',
}

/** What became of a request that ends without having started. */
export function approvalAtEnd(row: SessionRow, end: SessionEnd): Pick<SessionRow, 'approval'> {
  if (row.approval?.outcome !== 'pending') return {}
  return { approval: { ...row.approval, outcome: outcomes[end.reason] ?? 'void' } }
}

/** The viewers' exit comes after the stored end, but not later than a store that fails. */
export async function storeEnd({ store, observer }: EndDeps, row: SessionRow): Promise<void> {
  const { id, state, endedAt, end, size, approval } = row
  const change = {
    state,
    size,
    ...(endedAt && { endedAt }),
    ...(end && { end }),
    ...(approval && { approval }),
  }
  try {
    await store.updateSession(id, change)
  } catch (cause) {
    // Its row still says running; the next start of the gateway finds its container gone and ends it.
    observer.endFailed(id, cause)
  }
}

export async function stopContainer(
  observer: SessionObserver,
  driver: TargetDriver,
  { id, container }: SessionRow,
): Promise<void> {
  if (container === undefined) return
  try {
    await driver.stop(container, AbortSignal.timeout(stopTimeoutMs))
  } catch (cause) {
    // The reaper comes back for it, and its own deadline ends it in any case.
    observer.endFailed(id, cause)
  }
}

export async function sealRecording(
  { store, observer }: EndDeps,
  id: string,
  recorder: Recorder,
  end: SessionEnd,
): Promise<RecordingSummary | undefined> {
  try {
    const recording = await recorder.finish(end)
    await store.updateSession(id, { recording })
    return recording
  } catch (cause) {
    // The live file stays; the next start of the gateway seals it.
    observer.endFailed(id, cause)
    return undefined
  }
}
