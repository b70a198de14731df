/** A session's end, step by step. What store or disk did not take is remembered, so that it can be tried until it is stored. */
import type { ApprovalOutcome } from '../../core/vocabulary.ts'
import { HatchwayError } from '../../core/errors.ts'
import type { Recorder, Recordings } from '../../core/recording.ts'
import type { SessionEnd, SessionRow } from '../../core/session.ts'
import type { EndReason } from '../../core/vocabulary.ts'
import type { SessionLedger } from '../../core/session-ledger.ts'
import type { TargetDriver } from '../../core/driver.ts'
import { auditSession, endedEvent } from './session-audit.ts'
import type { SessionObserver } from '../sessions.ts'

export interface EndDeps {
  store: SessionLedger
  recordings: Recordings
  observer: Pick<SessionObserver, 'endFailed'>
}

const stopTimeoutMs = 20_000

const outcomes: Partial<Record<EndReason, ApprovalOutcome>> = {
  denied: 'denied',
  expired: 'expired',
  terminated: 'withdrawn',
}

/** What the end changes in the row, among it what became of a request that ends without having started. */
export function rowAtEnd({ size, target, approval }: SessionRow, end: SessionEnd) {
  return {
    state: 'ended' as const,
    endedAt: new Date(),
    end,
    size,
    target,
    ...(approval?.outcome === 'pending' && {
      approval: { ...approval, outcome: outcomes[end.reason] ?? 'void' },
    }),
  }
}

/**
 * The end of one session: its event, its row, its sealed recording. A step that fails is the observer's and stays owed;
 * {@link settle} tries again what is owed, and nothing that is done. An end takes access away: it happens whether or not it
 * can be written down.
 */
export class SessionEnding {
  readonly #deps: EndDeps
  readonly #end: SessionEnd
  #row: SessionRow
  #recorder: Recorder | undefined
  #told = false
  /** What of the row is not in the store yet. */
  #unstored: Partial<Omit<SessionRow, 'id'>> = {}

  /** `told`: an earlier process wrote the event. */
  constructor(deps: EndDeps, row: SessionRow, end: SessionEnd, { told = false } = {}) {
    this.#deps = deps
    this.#row = row
    this.#end = end
    this.#told = told
  }

  /** As it is known here, whatever the store holds. */
  get row(): SessionRow {
    return this.#row
  }

  get owed(): boolean {
    return !this.#told || this.#recorder !== undefined || Object.keys(this.#unstored).length > 0
  }

  /** Writes the event. Does not reject. */
  tell(): Promise<void> {
    return this.#attempt(() => this.#tell())
  }

  /** Writes the row, as it is at the end. Does not reject, and takes no longer than a store that fails. */
  async store(change: Partial<Omit<SessionRow, 'id'>>): Promise<void> {
    this.#row = { ...this.#row, ...change }
    this.#unstored = change
    await this.#attempt(() => this.#store())
    const { endedAt } = this.#row
    if (!this.owed || endedAt === undefined) return
    // Should this process die before the store is back, the next one finds here how it ended.
    const { recordings } = this.#deps
    await this.#attempt(() => recordings.noteEnd(this.#row.id, { end: this.#end, endedAt }))
  }

  /** Seals the recording and writes that into the row. Does not reject. */
  async seal(recorder: Recorder | undefined): Promise<void> {
    this.#recorder = recorder
    await this.#attempt(() => this.#seal())
    if (!this.owed) await this.#attempt(() => this.#deps.recordings.settled(this.#row.id))
  }

  /** Tries what is owed. Throws what still fails. */
  async settle(): Promise<void> {
    // The recording does not wait for the store: a sealed one is found again without its row.
    const steps = await Promise.allSettled([this.#tell().then(() => this.#store()), this.#seal()])
    for (const step of steps) if (step.status === 'rejected') throw step.reason
    await this.#store()
    // Where an earlier process recorded it, what is noted of that is not in the row yet: whoever seals it settles it.
    if (this.#row.recording !== undefined) await this.#deps.recordings.settled(this.#row.id)
  }

  async #tell(): Promise<void> {
    if (this.#told) return
    await auditSession(this.#deps.store, this.#row, endedEvent(this.#end))
    this.#told = true
  }

  async #store(): Promise<void> {
    const change = this.#unstored
    if (Object.keys(change).length === 0) return
    await this.#deps.store.updateSession(this.#row.id, change).catch((cause: unknown) => {
      // There is nothing to end in a store that was put back to an older state.
      if (!(cause instanceof HatchwayError && cause.code === 'session_not_found')) throw cause
    })
    if (this.#unstored === change) this.#unstored = {}
  }

  async #seal(): Promise<void> {
    if (this.#recorder === undefined) return
    const recording = await this.#recorder.finish(this.#end)
    this.#recorder = undefined
    this.#row = { ...this.#row, recording }
    this.#unstored = { ...this.#unstored, recording }
    await this.#store()
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (cause) {
      this.#deps.observer.endFailed(this.#row.id, cause)
    }
  }
}

/** Never rejects: the reaper comes back for a container that could not be stopped, and its own deadline ends it in any case. */
export async function stopContainer(
  observer: Pick<SessionObserver, 'endFailed'>,
  driver: TargetDriver,
  { id, container }: Pick<SessionRow, 'id' | 'container'>,
): Promise<void> {
  if (container === undefined) return
  try {
    await driver.stop(container, AbortSignal.timeout(stopTimeoutMs))
  } catch (cause) {
    observer.endFailed(id, cause)
  }
}
