/** What is done again and again while the gateway runs: nothing of a session stays behind because it was tried once. */
import { HatchwayError } from '../core/errors.ts'
import type { Recordings, RecordingSummary, ResumedRecording } from '../core/recording.ts'
import { endOf } from '../core/session-end.ts'
import type { SessionEnd, SessionRow } from '../core/session.ts'
import type { Store } from '../core/store.ts'
import type { DebugContainer, TargetDriver } from '../core/target.ts'
import { listOwned, type RecoveryOptions } from './recovery.ts'
import { auditSession, endedEvent } from './session-audit.ts'

const engineTimeoutMs = 20_000

/**
 * Stops debug containers of this installation that no session claims, and touches no other installation's.
 * Never rejects: what fails now is tried at the next round.
 */
export async function reap(options: RecoveryOptions): Promise<void> {
  for (const driver of options.drivers.values()) {
    for (const container of await listOwned(options, driver)) {
      try {
        await reapOne(options, driver, container)
      } catch (cause) {
        options.onProblem(`debug container ${container.id} could not be removed`, cause)
      }
    }
  }
}

async function reapOne(
  options: RecoveryOptions,
  driver: TargetDriver,
  container: DebugContainer,
): Promise<void> {
  const { registry, store } = options
  if (registry.live(container.sessionId) !== undefined) return
  const row = registry.ended(container.sessionId) ?? (await store.getSession(container.sessionId))
  if (row !== undefined && row.state !== 'ended') return
  await store.appendAudit({
    kind: 'reaped',
    sessionId: container.sessionId,
    ...(row === undefined ? {} : { target: row.target.ref }),
    reason: row === undefined ? 'no session claims this debug container' : 'its session has ended',
    detail: { container: container.id, environment: container.environment },
  })
  await driver.stop(container, AbortSignal.timeout(engineTimeoutMs))
}

/**
 * Seals recordings whose session has ended without that: a crash or a full disk came in between. What is sealed already, and only
 * missing from its row, is written there. Never rejects.
 */
export async function sealLeftovers(options: RecoveryOptions): Promise<void> {
  const { recordings, onProblem } = options
  try {
    for (const id of await recordings.listLive()) {
      await sealLeftover(options, id).catch((cause: unknown) =>
        onProblem(`recording of session ${id} could not be sealed`, cause),
      )
    }
  } catch (cause) {
    onProblem('the recordings that wait to be sealed could not be listed', cause)
  }
}

async function sealLeftover({ registry, store, recordings }: RecoveryOptions, id: string): Promise<void> {
  const isOurs = () => registry.live(id) !== undefined || registry.ended(id) !== undefined
  if (isOurs()) return
  const row = await store.getSession(id)
  // It may have been opened, or have ended, while the store was asked.
  if (isOurs() || (row !== undefined && row.state !== 'ended')) return
  if (row === undefined || row.recording === undefined) {
    const recording = await seal(recordings, id, row)
    if (row !== undefined && recording !== undefined) await store.updateSession(id, { recording })
  }
  const noted = await recordings.notedEnd(id)
  if (row !== undefined && noted !== undefined) await tellOnce(store, row, noted.end)
  await recordings.settled(id)
}

/** An end that was stored when the store took no event of it. */
async function tellOnce(store: Store, row: SessionRow, end: SessionEnd): Promise<void> {
  const { items } = await store.listAudit({ sessionId: row.id, kinds: ['ended'], limit: 1 })
  if (items.length === 0) await auditSession(store, row, endedEvent(end))
}

async function seal(
  recordings: Recordings,
  id: string,
  row: SessionRow | undefined,
): Promise<RecordingSummary | undefined> {
  try {
    const resumed = await recordings.resume(id)
    try {
      if (!resumed.ended) markGap(resumed, row?.endedAt ?? new Date())
      return await resumed.recorder.finish(row?.end ?? endOf('lost', { detail: 'no session claims it' }))
    } catch (cause) {
      // It is tried again with the file as it is then.
      await resumed.recorder.suspend().catch(() => undefined)
      throw cause
    }
  } catch (cause) {
    if (!(cause instanceof HatchwayError && cause.code === 'recording_not_found')) throw cause
    return row === undefined ? undefined : recordings.findSealed(id, row.requestedAt)
  }
}

function markGap({ recorder, lastEventAt }: ResumedRecording, until: Date): void {
  const seconds = Math.max(0, Math.ceil((until.getTime() - lastEventAt.getTime()) / 1000))
  try {
    recorder.marker(`the gateway was away: output of up to ${seconds} s may be missing here`)
  } catch (cause) {
    // One that has reached its limit takes no more than its end.
    if (!(cause instanceof HatchwayError && cause.code === 'recording_too_large')) throw cause
  }
}

/**
 * Gives sealed recordings back to rows that lost them: an end before this could be tried again left them in the blobs alone.
 * Never rejects.
 */
export async function findLostRecordings(options: RecoveryOptions): Promise<void> {
  const { store, recordings, onProblem } = options
  let cursor: string | undefined
  try {
    do {
      const page = await store.listSessions({
        unsealed: true,
        limit: 200,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const { id, requestedAt } of page.items) {
        const recording = await recordings.findSealed(id, requestedAt)
        if (recording !== undefined) await store.updateSession(id, { recording })
      }
      cursor = page.next
    } while (cursor !== undefined)
  } catch (cause) {
    onProblem('recordings that no session names could not be looked for', cause)
  }
}
