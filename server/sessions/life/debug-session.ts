import type { EditSession } from '../../core/session-ledger.ts'
import { HatchwayError, messageOf } from '../../core/errors.ts'
import type { Recorder, ResumedRecording } from '../../core/recording.ts'
import { endByError, endByExit, endOf, neverBegan } from '../../core/session-end.ts'
import type { LiveState, SessionEnd, SessionRow } from '../../core/session.ts'
import type { DebugSpec } from '../../core/debug-container.ts'
import type { StartProgress, TargetDriver } from '../../core/driver.ts'
import type { CommandStream, TerminalStream } from '../../core/streams.ts'
import { closeCodes } from '../../protocol/terminal.ts'
import { CollectedOutput } from '../kinds/collected-output.ts'
import { kindOf } from '../kinds/kinds.ts'
import type { SessionKind } from '../kinds/session-kind.ts'
import { rowAtEnd, SessionEnding, stopContainer } from './end-session.ts'
import type { HeldOpening } from './held-opening.ts'
import { openRecorded } from './open-recorded.ts'
import { OutputHistory } from '../terminal/output-history.ts'
import { reattach } from './reattach.ts'
import { RequestEdits } from './request-edits.ts'
import { startRecording } from './recording-header.ts'
import { auditSession, storeStart, type SessionAuditEvent } from './session-audit.ts'
import type { SessionDeps } from './session-deps.ts'
import { withImage } from './session-row.ts'
import { timersOf, type SessionTimers } from './session-timers.ts'
import { noticesOf, SessionViewers, withNotice, type SessionNotice } from './session-viewers.ts'
import type { JoinRequest, LiveSession, RunOutcome, ViewerHandle, ViewerSocket } from '../sessions.ts'
import { TerminalHub } from '../terminal/terminal-hub.ts'

/** A session of this process, from its request to its stored end. */
export class DebugSession implements LiveSession {
  readonly #deps: SessionDeps
  readonly #driver: TargetDriver
  readonly #hub: TerminalHub
  readonly #viewers: SessionViewers
  /** Absent while it waits for an approval: a request has an expiry of its own. */
  #timers: SessionTimers | undefined
  readonly #aborter = new AbortController()
  #row: SessionRow
  #progress: StartProgress | undefined
  #notices: SessionNotice[] = []
  #recorder: Recorder | undefined
  readonly #kind: SessionKind
  readonly #collected: CollectedOutput | undefined
  readonly #edits: RequestEdits
  #opening: Promise<void> = Promise.resolve()
  #storingStart: Promise<void> = Promise.resolve()
  #startFailure: unknown
  readonly #over = Promise.withResolvers<void>()
  #ending: Promise<SessionRow> | undefined
  #drained = false
  #imageId: Promise<string> = Promise.resolve('')

  constructor(deps: SessionDeps, driver: TargetDriver, row: SessionRow, historyStart = 0) {
    this.#deps = deps
    this.#edits = new RequestEdits(deps.store)
    this.#driver = driver
    this.#row = row
    this.#kind = kindOf(row)
    this.#collected = this.#kind.collect?.()
    this.#hub = new TerminalHub({
      history: new OutputHistory({
        screens: deps.screens,
        size: row.size,
        start: historyStart,
        onDrain: () => this.#hub.onFlow(),
      }),
      size: row.size,
      recordInput: row.recordInput,
      onInput: () => this.#timers?.noteInput(),
      onViewers: (count) => this.#timers?.setAttached(count > 0),
      onTakeControl: (viewer) => void this.#viewers.takeControl(viewer),
      onRecordingFailed: (cause) => this.#recordingFailed(cause),
      onOutput: (bytes) => deps.observer.output(bytes),
      onCommandOutput: (piece) => this.#collected?.add(piece),
    })
    this.#viewers = new SessionViewers({
      hub: this.#hub,
      now: () => ({
        state: this.#row.state,
        isEnding: this.ending,
        progress: this.#progress,
        notices: this.#notices,
      }),
      audit: (event) => this.#audit(event),
    })
    if (row.state !== 'pending-approval') this.#getGoing()
  }

  get row(): SessionRow {
    return { ...this.#row, size: this.#hub.size }
  }

  get ending(): boolean {
    return this.#ending !== undefined
  }

  get state(): LiveState {
    return { viewers: this.#hub.viewers, ...(this.#progress && { progress: this.#progress }) }
  }

  /**
   * Changes the row of a request as it is stored, whoever else does so, and with it this one: in one step, for which an end waits.
   * One that `begins` is taken over here by {@link begin}, unless an end comes first. Undefined, and nothing is stored, when it has
   * ended here, and when `edit` says so. Rejects as the ledger does.
   */
  async edit(edit: EditSession, { begins = false } = {}): Promise<SessionRow | undefined> {
    if (this.#ending !== undefined || this.#drained) return undefined
    const onStored = (row: SessionRow) => {
      this.#row = row
    }
    const editing = this.#edits.change(this.#row, { edit, begins, onStored })
    this.#opening = Promise.allSettled([editing]).then(() => undefined)
    return await editing
  }

  /** It waits no longer: its viewers stay and see it start. False when it has ended meanwhile; else {@link start} comes next. */
  begin(row: SessionRow): boolean {
    if (this.#ending !== undefined || this.#drained) return false
    this.#row = row
    this.#getGoing()
    this.#tellProgress({ phase: 'resolving' })
    return true
  }

  /** What the store has got by itself. */
  change(change: Partial<SessionRow>): void {
    this.#row = { ...this.#row, ...change }
  }

  /** Tells everybody who watches. */
  notify(level: 'info' | 'warning', text: string): void {
    this.#hub.broadcast({ type: 'notice', level, text })
  }

  /** Tells everybody who watches, now or later, and the recording. */
  warn(text: string, mark: string): void {
    this.#notices = withNotice(this.#notices, text)
    this.notify('warning', text)
    this.#hub.mark(mark)
  }

  /** Opens the recording, and lets the debug container begin. Ends the session, and does not reject, when that fails. */
  async start(opening: HeldOpening, spec: DebugSpec): Promise<void> {
    if (this.#ending !== undefined || this.#drained) return await opening.drop()
    const started = performance.now()
    try {
      this.#opening = this.#open(opening, spec)
      await this.#opening
      this.#deps.observer.started(this.#driver.environment, performance.now() - started)
      this.#storingStart = storeStart(this.#deps.store, this.#row)
      await this.#storingStart
      await this.#storeImage()
    } catch (cause) {
      if (this.#ending !== undefined) return
      this.#startFailure = cause
      this.#deps.observer.startFailed(this.#driver.environment, cause)
      this.endSoon(endByError('failed', cause))
    }
  }

  /** Goes on with a debug container and a recording of an earlier process. */
  adopt(terminal: TerminalStream, resumed: ResumedRecording): void {
    this.#useRecorder(resumed.recorder)
    const awayMs = Math.max(0, Date.now() - resumed.lastEventAt.getTime())
    this.#hub.history.append(resumed.tail)
    this.#hub.mark(`gateway restarted: output of up to ${Math.ceil(awayMs / 1000)} s may be missing here`)
    this.#notices = [{ text: 'The gateway was restarted: output from in between may be missing.' }]
    this.#run(terminal)
    this.#deps.onRunning(this)
    void this.#hub.history.primeFrom(resumed.replay(), resumed.recorder.offset - resumed.tail.length)
  }

  join(socket: ViewerSocket, request: JoinRequest): Promise<ViewerHandle> {
    return this.#viewers.join(socket, request)
  }

  /** Ends it once; everybody who asks waits for the same end. Resolves with the stored row. */
  end(end: SessionEnd): Promise<SessionRow> {
    this.#ending ??= this.#end(end).finally(() => this.#over.resolve())
    return this.#ending
  }

  /** What came of a run, once it has ended. Throws why it was not started. */
  async outcome(): Promise<RunOutcome> {
    await this.#over.promise
    if (this.#startFailure !== undefined) throw this.#startFailure
    if (this.#row.startedAt === undefined) throw neverBegan(this.#row.end, this.#progress?.detail)
    return { row: this.row, ...(this.#collected ?? new CollectedOutput()).kept }
  }

  /** Sends viewers to the next process and leaves the debug container running. */
  async drain(): Promise<void> {
    if (this.#ending !== undefined) return void (await this.#ending)
    // What is being stored of a request decides whether it waits on or has begun.
    if (this.#row.state === 'pending-approval') await this.#opening
    const { state } = this.#row
    if (state === 'starting' || (state === 'running' && !this.#kind.reattaches)) {
      const what = state === 'starting' ? 'session started' : `${this.#kind.noun} ran`
      await this.end(endOf('shutdown', { detail: `The gateway was stopped while the ${what}.` }))
      return
    }
    this.#drained = true
    this.#aborter.abort(new HatchwayError('shutting_down', 'The gateway is being stopped.'))
    this.#timers?.stop()
    this.#hub.stop()
    this.#hub.closeViewers(closeCodes.restart, 'restart')
    this.#hub.history.close()
    await this.#recorder?.suspend()
  }

  #getGoing(): void {
    if (this.#row.state === 'starting') this.#progress = { phase: 'resolving' }
    this.#timers = timersOf(this.#row, this.#deps.detachedGraceMs, {
      onWarning: (text) => this.notify('warning', text),
      onEnd: (end) => this.endSoon(end),
    })
    this.#timers.setAttached(this.#hub.viewers.length > 0)
  }

  async #open(opening: HeldOpening, spec: DebugSpec): Promise<void> {
    const signal = AbortSignal.any([this.#aborter.signal, AbortSignal.timeout(this.#deps.startTimeoutMs)])
    const recording = startRecording(this.#deps.recordings, this.#row, spec)
    const onProgress = (progress: StartProgress) => this.#tellProgress(progress)
    const recorded = recording.then((recorder) => this.#useRecorder(recorder))
    const mayBegin = this.#kind.recordedFirst ? recorded : Promise.resolve()
    const opened = await openRecorded<TerminalStream | CommandStream>(this.#driver, {
      recording: recorded,
      open: async (signal) => await opening.take(onProgress, signal, mayBegin),
      signal,
    })
    const { container, identity, stream } = opened
    this.#imageId = opened.imageId
    this.#row = { ...this.#row, container, identity }
    if (this.#aborter.signal.aborted) return stream.detach()
    this.#row = { ...this.#row, state: 'running', startedAt: new Date() }
    this.#notices = noticesOf(opened)
    this.#run(stream)
    this.#deps.onRunning(this)
  }

  #useRecorder(recorder: Recorder): void {
    this.#recorder = recorder
    this.#hub.recorder = recorder
  }

  #run(stream: TerminalStream | CommandStream): void {
    this.#progress = undefined
    this.#hub.attach(stream)
    this.#hub.broadcast({ type: 'state', state: 'running' })
    for (const notice of this.#notices) this.#hub.broadcast({ type: 'notice', level: 'info', ...notice })
    void this.#follow(stream)
  }

  /** A cluster tells it a moment after the prompt. */
  async #storeImage(): Promise<void> {
    const target = withImage(this.#row.target, await this.#imageId)
    this.change({ target })
    const { id } = this.#row
    const storing = this.#deps.store.updateSession(id, { target })
    // Not worth the session: the end writes it once more.
    await storing.catch((cause: unknown) => this.#deps.observer.endFailed(id, cause))
  }

  async #follow(stream: TerminalStream | CommandStream): Promise<void> {
    if (stream.kind === 'terminal') stream.onWarning?.((words) => this.notify('warning', words))
    const ended = await stream.ended
    if (this.#drained || this.#ending !== undefined) return
    this.#hub.detach()
    if (ended.kind === 'exit') this.endSoon(endByExit(ended))
    else if (ended.kind === 'target-exited') this.endSoon(endOf('target-exited', { detail: ended.detail }))
    else if (ended.kind === 'removed' || !this.#kind.reattaches)
      this.endSoon(endOf('lost', { detail: ended.detail }))
    else await this.#reattach(ended.detail)
  }

  async #reattach(detail: string): Promise<void> {
    const { container } = this.#row
    if (container === undefined) return
    const lostAt = Date.now()
    const text = `The connection to the container engine was lost (${detail}). Trying to reach it again.`
    this.#hub.broadcast({ type: 'notice', level: 'warning', text })
    try {
      const { signal } = this.#aborter
      const terminal = await reattach(this.#driver.as(this.#row.user), container, {
        forMs: this.#deps.reattachForMs,
        signal,
      })
      if (signal.aborted) return terminal.detach()
      const seconds = Math.ceil((Date.now() - lostAt) / 1000)
      this.#hub.mark(`reattached: output of up to ${seconds} s may be missing here`)
      this.notify('info', 'Connected again; output from in between may be missing.')
      this.#hub.attach(terminal)
      void this.#follow(terminal)
    } catch (cause) {
      if (this.#ending === undefined && !this.#drained) this.endSoon(endByError('lost', cause))
    }
  }

  #tellProgress(progress: StartProgress): void {
    if (this.#row.state !== 'starting') return
    this.#progress = progress
    this.#hub.broadcast({ type: 'state', state: 'starting', progress })
  }

  #recordingFailed(cause: unknown): boolean {
    const goOn = this.#row.recordingMode === 'best-effort'
    if (goOn) this.#tellDegraded(messageOf(cause))
    else this.endSoon(endByError('recording-failed', cause))
    return goOn
  }

  /** What the recording does not take, the log often does not either: its disk is the same. */
  #tellDegraded(reason: string): void {
    const event = { kind: 'recording-degraded', reason, detail: { since: new Date().toISOString() } } as const
    const write = () => this.#audit(event)
    write().catch(() => this.#deps.oweEvent(this, write))
  }

  /** For callers that have nobody to tell: failures of the end itself are the observer's. */
  endSoon(end: SessionEnd): void {
    if (this.#drained) return
    this.end(end).catch((cause: unknown) => this.#deps.observer.endFailed(this.#row.id, cause))
  }

  async #end(end: SessionEnd): Promise<SessionRow> {
    this.#timers?.stop()
    this.#aborter.abort(new HatchwayError('cancelled', 'The session was ended.'))
    // It fails by the abort, or has just made a container that has to go.
    await this.#opening.catch(() => undefined)
    // Of a command that is over at once the start is told first, too.
    await this.#storingStart.catch(() => undefined)
    const ending = new SessionEnding(this.#deps, this.#row, end)
    await ending.tell()
    // Nothing is shown from here on; a terminal that is let go does not ask why its container died.
    this.#hub.stop()
    await stopContainer(this.#deps.observer, this.#driver, this.#row)
    const change = rowAtEnd(this.row, end)
    this.#row = { ...this.#row, ...change }
    // The viewers' exit comes after the stored end, but not later than a store that fails.
    await ending.store(change)
    this.#hub.broadcast({ type: 'exit', end })
    this.#hub.closeViewers(closeCodes.ended, end.reason)
    this.#hub.history.close()
    await ending.seal(this.#recorder)
    const { recording } = ending.row
    if (recording !== undefined) this.#row = { ...this.#row, recording }
    this.#deps.observer.ended(end.reason)
    this.#deps.onClosed(this, ending)
    return this.row
  }

  async #audit(event: SessionAuditEvent): Promise<void> {
    await auditSession(this.#deps.store, this.#row, event)
  }
}
