import { HatchwayError, messageOf } from '../core/errors.ts'
import type { Recorder, Recordings, ResumedRecording } from '../core/recording.ts'
import type { LiveState, SessionEnd, SessionRow } from '../core/session.ts'
import type { Store } from '../core/store.ts'
import type { DebugSpec, StartProgress, Target, TargetDriver, Terminal } from '../core/target.ts'
import { closeCodes } from '../protocol/terminal.ts'
import { approvalAtEnd, sealRecording, stopContainer, storeEnd } from './end-session.ts'
import { openRecorded } from './open-recorded.ts'
import { OutputHistory } from './output-history.ts'
import { reattach } from './reattach.ts'
import { headerOf } from './recording-header.ts'
import type { Screens } from './screen-model.ts'
import { auditSession, endedEvent, startedEvent, type SessionAuditEvent } from './session-audit.ts'
import { withImage } from './session-row.ts'
import { SessionTimers } from './session-timers.ts'
import type { JoinRequest, LiveSession, SessionObserver, ViewerHandle, ViewerSocket } from './sessions.ts'
import { TerminalHub } from './terminal-hub.ts'
import { Viewer } from './viewer.ts'

export interface SessionDeps {
  store: Store
  recordings: Recordings
  screens: Screens
  observer: SessionObserver
  detachedGraceMs: number
  /** Whole start, with a pull. */
  startTimeoutMs: number
  /** The session is over and stored. */
  onClosed: (session: DebugSession) => void
}

/** How long a broken stream to a living container is tried again. */
const reattachForMs = 60_000

/** A session of this process, from its request to its stored end. */
export class DebugSession implements LiveSession {
  readonly #deps: SessionDeps
  readonly #driver: TargetDriver
  readonly #hub: TerminalHub
  /** Absent while it waits for an approval: a request has an expiry of its own. */
  #timers: SessionTimers | undefined
  readonly #aborter = new AbortController()
  #row: SessionRow
  #progress: StartProgress | undefined
  #notices: string[] = []
  #recorder: Recorder | undefined
  #opening: Promise<void> = Promise.resolve()
  #ending: Promise<SessionRow> | undefined
  #drained = false
  #imageId: Promise<string> = Promise.resolve('')
  #nextViewer = 1

  constructor(deps: SessionDeps, driver: TargetDriver, row: SessionRow, historyStart = 0) {
    this.#deps = deps
    this.#driver = driver
    this.#row = row
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
      onTakeControl: (viewer) => void this.#takeControl(viewer),
      onRecordingFailed: (cause) => this.#recordingFailed(cause),
      onOutput: (bytes) => deps.observer.output(bytes),
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
    const viewers = this.#hub.viewers
    return this.#progress === undefined ? { viewers } : { progress: this.#progress, viewers }
  }

  /** It waits no longer: its viewers stay and see it start. False when it has ended meanwhile; else {@link start} comes next. */
  begin(change: Partial<SessionRow>): boolean {
    if (this.#ending !== undefined || this.#drained) return false
    this.#row = { ...this.#row, ...change, state: 'starting' }
    this.#getGoing()
    this.#tellProgress({ phase: 'resolving' })
    return true
  }

  /** What the approvers said, or policy asks for, changes while it waits. */
  change(change: Partial<SessionRow>): void {
    this.#row = { ...this.#row, ...change }
  }

  /** Tells everybody who watches. */
  notify(level: 'info' | 'warning', text: string): void {
    this.#hub.broadcast({ type: 'notice', level, text })
  }

  /** Opens recording and debug container. Ends the session, and does not reject, when that fails. */
  async start(target: Target, spec: DebugSpec): Promise<void> {
    const started = performance.now()
    try {
      this.#opening = this.#open(target, spec)
      await this.#opening
      this.#deps.observer.started(this.#driver.environment, performance.now() - started)
      await this.#storeStart()
    } catch (cause) {
      if (this.#ending !== undefined) return
      this.#deps.observer.startFailed(this.#driver.environment, cause)
      this.endSoon({ reason: 'failed', detail: messageOf(cause) })
    }
  }

  /** Goes on with a debug container and a recording of an earlier process. */
  adopt(terminal: Terminal, resumed: ResumedRecording): void {
    this.#useRecorder(resumed.recorder)
    const awayMs = Math.max(0, Date.now() - resumed.lastEventAt.getTime())
    this.#hub.history.append(resumed.tail)
    this.#hub.mark(`gateway restarted: output of up to ${Math.ceil(awayMs / 1000)} s may be missing here`)
    this.#notices = ['The gateway was restarted: output from in between may be missing.']
    this.#run(terminal)
    void this.#hub.history.primeFrom(resumed.replay(), resumed.recorder.offset - resumed.tail.length)
  }

  async join(socket: ViewerSocket, request: JoinRequest): Promise<ViewerHandle> {
    const role = request.role === 'controller' && this.#mayTakeControl(request) ? 'controller' : 'observer'
    await this.#audit({ kind: 'viewed', who: request.who, from: request.from, detail: { role } })
    if (this.#ending !== undefined) throw new HatchwayError('session_ended', 'The session has just ended.')
    const { who, mayControl } = request
    const viewer = new Viewer(this.#hub, socket, { id: `v${this.#nextViewer++}`, who, role, mayControl })
    const { offset, resume } = viewer.begin(request.offset)
    const liveFrom = this.#hub.history.end
    viewer.send({ type: 'hello', session: request.describe(), role, offset, liveFrom, size: this.#hub.size })
    if (this.#row.state === 'pending-approval') viewer.send({ type: 'state', state: 'pending-approval' })
    if (this.#progress !== undefined)
      viewer.send({ type: 'state', state: 'starting', progress: this.#progress })
    this.#hub.add(viewer)
    for (const text of this.#notices) viewer.send({ type: 'notice', level: 'info', text })
    const controller = this.#hub.controller
    if (request.role === 'controller' && role === 'observer' && controller !== undefined) {
      const text = `${controller.who.name} is in control; you are watching.`
      viewer.send({ type: 'notice', level: 'info', text })
    }
    resume()
    return viewer
  }

  /** Ends it once; everybody who asks waits for the same end. Resolves with the stored row. */
  end(end: SessionEnd): Promise<SessionRow> {
    this.#ending ??= this.#end(end)
    return this.#ending
  }

  /** Sends viewers to the next process and leaves the debug container running. */
  async drain(): Promise<void> {
    if (this.#ending !== undefined) {
      await this.#ending
      return
    }
    if (this.#row.state === 'starting') {
      await this.end({ reason: 'shutdown', detail: 'The gateway was stopped while the session started.' })
      return
    }
    this.#drained = true
    this.#timers?.stop()
    this.#hub.stop()
    this.#hub.closeViewers(closeCodes.restart, 'restart')
    this.#hub.history.close()
    await this.#recorder?.suspend()
  }

  #getGoing(): void {
    if (this.#row.state === 'starting') this.#progress = { phase: 'resolving' }
    const { deadline, idleTimeoutMs } = this.#row
    this.#timers = new SessionTimers({
      deadline,
      idleTimeoutMs,
      detachedGraceMs: this.#deps.detachedGraceMs,
      onWarning: (text) => this.notify('warning', text),
      onEnd: (end) => this.endSoon(end),
    })
    this.#timers.setAttached(this.#hub.viewers.length > 0)
  }

  async #open(target: Target, spec: DebugSpec): Promise<void> {
    const signal = AbortSignal.any([this.#aborter.signal, AbortSignal.timeout(this.#deps.startTimeoutMs)])
    const recording = this.#deps.recordings.start(headerOf(this.#row, spec))
    const opened = await openRecorded(
      this.#driver,
      this.#row.user,
      target,
      { ...spec, size: this.#hub.size },
      {
        recording: recording.then((recorder) => this.#useRecorder(recorder)),
        onProgress: (progress) => this.#tellProgress(progress),
        signal,
      },
    )
    const { container, identity, terminal } = opened
    this.#imageId = opened.imageId
    this.#row = { ...this.#row, container, identity }
    if (this.#aborter.signal.aborted) return terminal.detach()
    this.#row = { ...this.#row, state: 'running', startedAt: new Date() }
    this.#notices = [...opened.notices]
    this.#run(terminal)
  }

  #useRecorder(recorder: Recorder): void {
    this.#recorder = recorder
    this.#hub.recorder = recorder
  }

  #run(terminal: Terminal): void {
    this.#progress = undefined
    this.#hub.attach(terminal)
    this.#hub.broadcast({ type: 'state', state: 'running' })
    for (const text of this.#notices) this.#hub.broadcast({ type: 'notice', level: 'info', text })
    void this.#followTerminal(terminal)
  }

  async #storeStart(): Promise<void> {
    const { id, state, startedAt, container, identity, target } = this.#row
    if (startedAt === undefined || container === undefined || identity === undefined) return
    await this.#deps.store.updateSession(id, { state, startedAt, container, identity, target })
    await this.#audit(startedEvent(identity, container))
    // A cluster tells it a moment after the prompt.
    const known = withImage(target, await this.#imageId)
    this.#row = { ...this.#row, target: known }
    await this.#deps.store.updateSession(id, { target: known })
  }

  async #followTerminal(terminal: Terminal): Promise<void> {
    const ended = await terminal.ended
    if (this.#drained || this.#ending !== undefined) return
    this.#hub.detach()
    if (ended.kind === 'exit') this.endSoon({ reason: 'exit', exitCode: ended.exitCode })
    else if (ended.kind === 'target-exited') this.endSoon({ reason: 'target-exited', detail: ended.detail })
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
        forMs: reattachForMs,
        signal,
      })
      const seconds = Math.ceil((Date.now() - lostAt) / 1000)
      this.#hub.mark(`reattached: output of up to ${seconds} s may be missing here`)
      const back = 'Connected again; output from in between may be missing.'
      this.#hub.broadcast({ type: 'notice', level: 'info', text: back })
      this.#hub.attach(terminal)
      void this.#followTerminal(terminal)
    } catch (cause) {
      if (this.#ending === undefined && !this.#drained)
        this.endSoon({ reason: 'lost', detail: messageOf(cause) })
    }
  }

  #tellProgress(progress: StartProgress): void {
    if (this.#row.state !== 'starting') return
    this.#progress = progress
    this.#hub.broadcast({ type: 'state', state: 'starting', progress })
  }

  #mayTakeControl(request: JoinRequest): boolean {
    const controller = this.#hub.controller
    // The same person on a new connection goes on; another person has to ask by `take-control`.
    return request.mayControl && (controller === undefined || controller.who.subject === request.who.subject)
  }

  async #takeControl(viewer: Viewer): Promise<void> {
    if (!viewer.mayControl) {
      viewer.send({
        type: 'notice',
        level: 'warning',
        text: 'Policy lets you watch this session, not control it.',
      })
      return
    }
    const from = this.#hub.controller?.who.subject ?? 'nobody'
    try {
      await this.#audit({ kind: 'controlled', who: viewer.who, detail: { takenFrom: from } })
    } catch (cause) {
      viewer.send({ type: 'notice', level: 'error', text: messageOf(cause) })
      return
    }
    if (!viewer.gone && this.#ending === undefined) this.#hub.giveControl(viewer)
  }

  #recordingFailed(cause: unknown): boolean {
    const goOn = this.#row.recordingMode === 'best-effort'
    const reason = messageOf(cause)
    if (goOn) this.#audit({ kind: 'recording-degraded', reason }).catch(() => undefined)
    else this.endSoon({ reason: 'recording-failed', detail: reason })
    return goOn
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
    // An end takes access away: when it can't be written down, it happens all the same.
    await this.#audit(endedEvent(end)).catch((cause: unknown) =>
      this.#deps.observer.endFailed(this.#row.id, cause),
    )
    // Nothing is shown from here on; a terminal that is let go does not ask why its container died.
    this.#hub.stop()
    await stopContainer(this.#deps.observer, this.#driver, this.#row)
    const endedAt = new Date()
    const approval = approvalAtEnd(this.#row, end)
    this.#row = { ...this.#row, state: 'ended', endedAt, end, size: this.#hub.size, ...approval }
    await storeEnd(this.#deps, this.#row)
    this.#hub.broadcast({ type: 'exit', end })
    this.#hub.closeViewers(closeCodes.ended, end.reason)
    this.#hub.history.close()
    const recording = this.#recorder && (await sealRecording(this.#deps, this.#row.id, this.#recorder, end))
    if (recording !== undefined) this.#row = { ...this.#row, recording }
    this.#deps.observer.ended(end.reason)
    this.#deps.onClosed(this)
    return this.row
  }

  async #audit(event: SessionAuditEvent): Promise<void> {
    await auditSession(this.#deps.store, this.#row, event)
  }
}
