import { HatchwayError } from '../core/errors.ts'
import type { Recordings } from '../core/recording.ts'
import { endByError, endOf } from '../core/session-end.ts'
import type { SessionEnd, SessionRow } from '../core/session.ts'
import type { Store } from '../core/store.ts'
import type { DebugContainer, TargetDriver } from '../core/target.ts'
import { reattach } from './reattach.ts'
import { auditSession, endedEvent } from './session-audit.ts'
import type { SessionRegistry } from './session-registry.ts'

export interface RecoveryOptions {
  store: Store
  recordings: Recordings
  drivers: ReadonlyMap<string, TargetDriver>
  registry: SessionRegistry
  /** How long an engine that is not up yet is waited for. */
  reattachForMs: number
  onProblem: (what: string, cause: unknown) => void
}

const engineTimeoutMs = 20_000

/**
 * Takes up what an earlier process left: live sessions are adopted and go on, half-started ones are ended,
 * recordings without an owner are sealed. Resolves when every session has been dealt with; never rejects.
 */
export async function recoverSessions(options: RecoveryOptions, signal: AbortSignal): Promise<void> {
  const rows = await openRows(options.store)
  const containers = new Map<string, DebugContainer>()
  await Promise.all(
    [...options.drivers.values()].map(async (driver) => {
      for (const container of await listOwned(options, driver)) containers.set(container.sessionId, container)
    }),
  )
  await Promise.all(
    rows.map(async (row) => {
      try {
        await recover(options, row, containers.get(row.id), signal)
      } catch (cause) {
        options.onProblem(`session ${row.id} could not be taken over`, cause)
      }
    }),
  )
  await sealLeftovers(options)
}

/**
 * Stops debug containers of this installation that no session claims. Touches no other installation's.
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
  if (options.registry.live(container.sessionId) !== undefined) return
  const row = await options.store.getSession(container.sessionId)
  if (row !== undefined && row.state !== 'ended') return
  await options.store.appendAudit({
    kind: 'reaped',
    sessionId: container.sessionId,
    ...(row === undefined ? {} : { target: row.target.ref }),
    reason: row === undefined ? 'no session claims this debug container' : 'its session has ended',
    detail: { container: container.id, environment: container.environment },
  })
  await driver.stop(container, AbortSignal.timeout(engineTimeoutMs))
}

async function openRows(store: Store): Promise<SessionRow[]> {
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

async function listOwned(options: RecoveryOptions, driver: TargetDriver): Promise<DebugContainer[]> {
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
  if (driver === undefined) {
    const detail = `Environment ${row.target.environment} is no longer configured.`
    await endRow(options, row, endOf('lost', { code: 'environment_removed', detail }))
    return
  }
  if (row.state === 'starting' || container === undefined) {
    const detail = 'The gateway was restarted while the session started.'
    await endRow(options, row, endOf('failed', { code: 'gateway_restarted', detail }), { driver, container })
    return
  }
  if (row.deadline.getTime() <= Date.now()) {
    const detail = 'The time limit was reached while the gateway was away.'
    await endRow(options, row, endOf('expired', { detail }), { driver, container })
    return
  }
  if (row.run === true) {
    const detail = 'The gateway was restarted: the command was ended, and what it wrote meanwhile is lost.'
    await endRow(options, row, endOf('lost', { code: 'gateway_restarted', detail }), { driver, container })
    return
  }
  await adopt(options, { ...row, container }, driver, container, signal)
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
    const resumed = await options.recordings.resume(row.id).catch((cause: unknown) => {
      terminal.detach()
      throw cause
    })
    await auditSession(options.store, row, { kind: 'adopted', detail: { container: container.id } })
    const start = resumed.recorder.offset - resumed.tail.length
    const session = options.registry.adopt({ ...row, size: resumed.size }, driver, start)
    session.adopt(terminal, resumed)
  } catch (cause) {
    // A gateway that is being stopped leaves the session for its successor.
    if (signal.aborted) return
    const recordingGone = cause instanceof HatchwayError && cause.code.startsWith('recording_')
    const reason = recordingGone ? 'recording-failed' : 'lost'
    await endRow(options, row, endByError(reason, cause), { driver, container })
  }
}

/** Ends a session that has no process: audit, container, recording, row. */
async function endRow(
  options: RecoveryOptions,
  row: SessionRow,
  end: SessionEnd,
  debug?: { driver: TargetDriver; container: DebugContainer | undefined },
): Promise<void> {
  await auditSession(options.store, row, endedEvent(end))
  if (debug?.container !== undefined) {
    await debug.driver.stop(debug.container, AbortSignal.timeout(engineTimeoutMs)).catch((cause: unknown) => {
      options.onProblem(`debug container of session ${row.id} could not be removed`, cause)
    })
  }
  await options.store.updateSession(row.id, { state: 'ended', endedAt: new Date(), end })
}

/** Seals live recordings whose session has ended: a crash came between its end and its sealing. */
async function sealLeftovers(options: RecoveryOptions): Promise<void> {
  for (const id of await options.recordings.listLive()) {
    try {
      const row = await options.store.getSession(id)
      if (row !== undefined && row.state !== 'ended') continue
      const { recorder } = await options.recordings.resume(id)
      const recording = await recorder.finish(row?.end ?? { reason: 'lost', detail: 'no session claims it' })
      if (row !== undefined) await options.store.updateSession(id, { recording })
    } catch (cause) {
      options.onProblem(`recording of session ${id} could not be sealed`, cause)
    }
  }
}
