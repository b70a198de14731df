import { HatchwayError } from '../../core/errors.ts'
import { untilDone } from '../../core/owed.ts'
import type { Recordings } from '../../core/recording.ts'
import { endByError, endOf } from '../../core/session-end.ts'
import type { SessionEnd, SessionRow } from '../../core/session.ts'
import type { SessionLedger } from '../../core/session-ledger.ts'
import type { DebugContainer } from '../../core/debug-container.ts'
import type { TargetDriver } from '../../core/driver.ts'
import { kindOf } from '../kinds/kinds.ts'
import { rowAtEnd, SessionEnding, stopContainer } from './end-session.ts'
import { reattach } from './reattach.ts'
import { auditSession, endOfEvent } from './session-audit.ts'
import type { SessionRegistry } from './session-registry.ts'

export interface RecoveryOptions {
  store: SessionLedger
  recordings: Recordings
  drivers: ReadonlyMap<string, TargetDriver>
  registry: SessionRegistry
  /** How long an engine that is not up yet is waited for. */
  reattachForMs: number
  onProblem: (what: string, cause: unknown) => void
}

const engineTimeoutMs = 20_000

/**
 * Finds the sessions that an earlier process left, which are in the way of new ones from then on. A store that is away is asked again until
 * it is back. Never rejects.
 */
export async function findLeftSessions(options: RecoveryOptions, signal: AbortSignal): Promise<SessionRow[]> {
  const onFailure = (cause: unknown) => options.onProblem('the open sessions could not be listed', cause)
  const rows = await untilDone(() => openRows(options.store), { signal, onFailure })
  return options.registry.expect(rows ?? [])
}

/**
 * Takes up what an earlier process left: live sessions are adopted and go on, half-started ones are ended. A session that can't be
 * dealt with, because the store is away, is tried again until it can. Resolves when every session has been dealt with; never rejects.
 */
export async function recoverSessions(
  options: RecoveryOptions,
  signal: AbortSignal,
  left = findLeftSessions(options, signal),
): Promise<void> {
  const rows = await left
  const containers = new Map<string, DebugContainer>()
  await Promise.all(
    [...options.drivers.values()].map(async (driver) => {
      for (const container of await listOwned(options, driver)) containers.set(container.sessionId, container)
    }),
  )
  await Promise.all(
    rows.map(async (row) => {
      const onFailure = (cause: unknown) =>
        options.onProblem(`session ${row.id} could not be taken over`, cause)
      await untilDone(() => recover(options, row, containers.get(row.id), signal), { signal, onFailure })
      options.registry.arrived(row.id)
    }),
  )
}

async function openRows(store: SessionLedger): Promise<SessionRow[]> {
  const rows: SessionRow[] = []
  let cursor: string | undefined
  do {
    const page = await store.listSessions({
      states: ['starting', 'running'],
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    })
    rows.push(...page.items)
    cursor = page.next
  } while (cursor !== undefined)
  return rows
}

/** Debug containers of this installation, or none when they can't be listed: that is a problem, not a failure. */
export async function listOwned(options: RecoveryOptions, driver: TargetDriver): Promise<DebugContainer[]> {
  try {
    return await driver.listOwned(AbortSignal.timeout(engineTimeoutMs))
  } catch (cause) {
    options.onProblem(`environment ${driver.environment} could not be asked for debug containers`, cause)
    return []
  }
}

async function recover(
  options: RecoveryOptions,
  row: SessionRow,
  found: DebugContainer | undefined,
  signal: AbortSignal,
): Promise<void> {
  const driver = options.drivers.get(row.target.environment)
  const container = row.container ?? found
  const debug = driver === undefined ? undefined : { driver, container }
  if (await endAsKnown(options, row, debug)) return
  if (driver === undefined) {
    const detail = `Environment ${row.target.environment} is no longer configured.`
    return endRow(options, row, endOf('lost', { code: 'environment_removed', detail }), debug)
  }
  if (row.state === 'starting' || container === undefined) {
    const detail = 'The gateway was restarted while the session started.'
    return endRow(options, row, endOf('failed', { code: 'gateway_restarted', detail }), debug)
  }
  if (row.deadline.getTime() <= Date.now()) {
    const detail = 'The time limit was reached while the gateway was away.'
    return endRow(options, row, endOf('expired', { detail }), debug)
  }
  const kind = kindOf(row)
  if (!kind.reattaches) {
    const detail = `The gateway was restarted: the ${kind.noun} was ended, and what it wrote meanwhile is lost.`
    return endRow(options, row, endOf('lost', { code: 'gateway_restarted', detail }), debug)
  }
  await adopt(options, { ...row, container }, driver, container, signal)
}

/** A session whose end had happened when the earlier process could no longer write its row: it ended as it ended. */
export async function endAsKnown(
  options: RecoveryOptions,
  row: SessionRow,
  debug: Debug | undefined,
): Promise<boolean> {
  const { items } = await options.store.listAudit({ sessionId: row.id, kinds: ['ended'], limit: 1 })
  const [event] = items
  const noted = await options.recordings.notedEnd(row.id)
  if (noted !== undefined) {
    await endRow(options, row, noted.end, debug, { endedAt: noted.endedAt, told: event !== undefined })
    return true
  }
  const end = event && endOfEvent(event, row)
  if (event === undefined || end === undefined) return false
  await endRow(options, row, end, debug, { endedAt: event.at, told: true })
  return true
}

async function adopt(
  options: RecoveryOptions,
  row: SessionRow,
  driver: TargetDriver,
  container: DebugContainer,
  signal: AbortSignal,
): Promise<void> {
  try {
    const terminal = await reattach(driver.as(row.user), container, { forMs: options.reattachForMs, signal })
    // Nobody reads it until the session does: a stream that is open and not read would stall the process.
    const bestEffort = row.recordingMode === 'best-effort'
    const resumed = await options.recordings.resume(row.id, { bestEffort }).catch((cause: unknown) => {
      terminal.detach()
      throw cause
    })
    await auditSession(options.store, row, { kind: 'adopted', detail: { container: container.id } }).catch(
      async (cause: unknown) => {
        terminal.detach()
        await resumed.recorder.suspend()
        throw cause
      },
    )
    if (signal.aborted) {
      // Nobody would drain it any more.
      terminal.detach()
      await resumed.recorder.suspend()
      return
    }
    const start = resumed.recorder.offset - resumed.tail.length
    const session = options.registry.adopt({ ...row, size: resumed.size }, driver, start)
    session.adopt(terminal, resumed)
  } catch (cause) {
    // A gateway that is being stopped leaves the session for its successor.
    if (signal.aborted) return
    // The shell lives, and is taken over once the store is back.
    if (cause instanceof HatchwayError && cause.code === 'store_unavailable') throw cause
    const recordingGone = cause instanceof HatchwayError && cause.code.startsWith('recording_')
    const reason = recordingGone ? 'recording-failed' : 'lost'
    await endRow(options, row, endByError(reason, cause), { driver, container })
  }
}

interface Debug {
  driver: TargetDriver
  container: DebugContainer | undefined
}

/** Ends a session that has no process: event, container, row. Its recording is sealed with the other leftovers. Never rejects. */
export async function endRow(
  options: RecoveryOptions,
  row: SessionRow,
  end: SessionEnd,
  debug: Debug | undefined,
  { endedAt = new Date(), told = false } = {},
): Promise<void> {
  const { store, recordings, registry, onProblem } = options
  const observer = {
    endFailed: (id: string, cause: unknown) => onProblem(`session ${id} could not be ended`, cause),
  }
  const ending = new SessionEnding({ store, recordings, observer }, row, end, { told })
  await ending.tell()
  if (debug?.container !== undefined)
    await stopContainer(observer, debug.driver, { id: row.id, container: debug.container })
  await ending.store({ ...rowAtEnd(row, end), endedAt })
  registry.owe(ending)
}
