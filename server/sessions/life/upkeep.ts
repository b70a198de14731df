/** What is done again and again while the gateway runs: nothing of a session stays behind because it was tried once. */
import { HatchwayError } from '../../core/errors.ts'
import type { Recordings, RecordingSummary, ResumedRecording } from '../../core/recording.ts'
import { endOf } from '../../core/session-end.ts'
import type { SessionEnd, SessionRow } from '../../core/session.ts'
import type { SessionLedger } from '../../core/session-ledger.ts'
import type { DebugContainer } from '../../core/debug-container.ts'
import type { TargetDriver } from '../../core/driver.ts'
import { listOwned, type RecoveryOptions } from './recovery.ts'
import { auditSession, endedEvent } from './session-audit.ts'

const engineTimeoutMs = 20_000

/** What was tried to be stopped, by environment and id: when it is tried again, and after which wait. */
export type Tried = Map<string, { at: number; waitMs: number }>

const firstWaitMs = 30_000
const longestWaitMs = 3_600_000
const atOnce = 4

/**
 * Stops debug containers of this installation that no session claims, and touches no other installation's. Never rejects: what fails
 * now is tried in a later round, with growing waits, and has one event. In a cluster anybody who may add ephemeral containers can
 * make some that look like these and never end: they keep no other environment waiting, nor for long those of their own.
 */
export async function reap(options: RecoveryOptions, tried: Tried = new Map()): Promise<void> {
  const rounds = [...options.drivers.values()].map(async (driver) => {
    const owned = await listOwned(options, driver)
    forgetGone(tried, driver.environment, owned)
    for (let at = 0; at < owned.length; at += atOnce) {
      const some = owned.slice(at, at + atOnce)
      await Promise.all(
        some.map((container) =>
          reapOne(options, driver, container, tried).catch((cause: unknown) =>
            options.onProblem(`debug container ${container.id} could not be removed`, cause),
          ),
        ),
      )
    }
  })
  await Promise.all(rounds)
}

const keyOf = ({ environment, id }: DebugContainer) => `${environment} ${id}`

function forgetGone(tried: Tried, environment: string, owned: readonly DebugContainer[]): void {
  const known = new Set(owned.map(keyOf))
  for (const key of tried.keys()) if (key.startsWith(`${environment} `) && !known.has(key)) tried.delete(key)
}

async function reapOne(
  options: RecoveryOptions,
  driver: TargetDriver,
  container: DebugContainer,
  tried: Tried,
): Promise<void> {
  const { registry, store } = options
  const before = tried.get(keyOf(container))
  if (before !== undefined && performance.now() < before.at) return
  if (registry.claims(container.sessionId)) return
  const row = registry.ended(container.sessionId) ?? (await store.getSession(container.sessionId))
  if (row !== undefined && row.state !== 'ended') return
  if (before === undefined)
    await store.record({
      kind: 'reaped',
      sessionId: container.sessionId,
      ...(row === undefined ? {} : { target: row.target.ref }),
      reason: row === undefined ? 'no session claims this debug container' : 'its session has ended',
      detail: { container: container.id, environment: container.environment },
    })
  const waitMs = Math.min(longestWaitMs, before === undefined ? firstWaitMs : before.waitMs * 2)
  tried.set(keyOf(container), { at: performance.now() + waitMs, waitMs })
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
async function tellOnce(store: SessionLedger, row: SessionRow, end: SessionEnd): Promise<void> {
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
