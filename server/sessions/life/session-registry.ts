import type { NewAuditEvent } from '../../core/audit-log.ts'
import { HatchwayError } from '../../core/errors.ts'
import { Owed } from '../../core/owed.ts'
import type { Principal } from '../../core/policy.ts'
import { isSamePerson, personOf } from '../../core/same-person.ts'
import { endOf } from '../../core/session-end.ts'
import type { SessionRow } from '../../core/session.ts'
import { kindOf } from '../kinds/kinds.ts'
import type { DebugSpec, Toolbox } from '../../core/debug-container.ts'
import type { TargetDriver } from '../../core/driver.ts'
import type { Target } from '../../core/target.ts'
import { auditSession, sessionEvent } from './session-audit.ts'
import { DebugSession } from './debug-session.ts'
import { debugSpecOf } from './debug-spec.ts'
import { HeldOpening } from './held-opening.ts'
import type { SessionEnding } from './end-session.ts'
import type { SessionDeps } from './session-deps.ts'
import { requireWithin, type SessionLimits } from './session-limits.ts'
import type { SessionJudge } from '../session-judge.ts'
import { factsOf, rowOf } from './session-row.ts'
import { isBeside, requireFree, tellThoseBeside } from './side-by-side.ts'
import type { OpenRequest, RunOutcome, Sessions } from '../sessions.ts'

export interface RegistryOptions extends Omit<SessionDeps, 'onClosed' | 'onRunning' | 'oweEvent'> {
  installation: string
  /** What policy says at a moment. */
  judge: (at: Date) => SessionJudge
  limits: SessionLimits
}

/** How long before policy ends a session its viewers are told. */
const noticeBeforeMs = 5 * 60_000
const mostOwedEvents = 1000

interface Start {
  driver: TargetDriver
  target: Target
  toolbox: Toolbox
  maxDurationMs: number
}

/** The live sessions of this process, those that wait for an approval included. */
export class SessionRegistry implements Sessions {
  readonly #options: RegistryOptions
  readonly #live = new Map<string, DebugSession>()
  /** Whose event and row are being stored, and what an earlier process left that has not been taken over yet: both are in others' way. */
  readonly #coming = new Map<string, SessionRow>()
  #storing: Promise<unknown> = Promise.resolve()
  /** Sessions that are over, whose end the store or the disk has not taken yet. They take nobody's place. */
  readonly #unstored = new Map<string, SessionEnding>()
  readonly #owed: Owed
  readonly #owedEvents: Owed
  /** Sessions whose viewers know that policy is about to end them. */
  readonly #noticed = new WeakSet<DebugSession>()
  #nextOwed = 1
  #draining = false

  constructor(options: RegistryOptions) {
    this.#options = options
    const onFailure = (id: string, cause: unknown) => options.observer.endFailed(id, cause)
    this.#owed = new Owed({ onFailure })
    this.#owedEvents = new Owed({ onFailure })
  }

  get liveCount(): number {
    return this.#live.size
  }

  async open(request: OpenRequest): Promise<SessionRow> {
    return (await this.#open(request)).row
  }

  async run(request: OpenRequest, hungUp: AbortSignal): Promise<RunOutcome> {
    const session = await this.#open(request)
    const stop = () =>
      session.endSoon(
        endOf('terminated', {
          code: 'caller_gone',
          by: personOf(request.who),
          detail: 'The caller hung up.',
        }),
      )
    hungUp.addEventListener('abort', stop, { once: true })
    if (hungUp.aborted) stop()
    try {
      return await session.outcome()
    } finally {
      hungUp.removeEventListener('abort', stop)
    }
  }

  #open(request: OpenRequest): Promise<DebugSession> {
    const opening = this.#openNow(request)
    this.#before(opening)
    return opening
  }

  async #openNow(request: OpenRequest): Promise<DebugSession> {
    const row = rowOf(request)
    const { from } = request
    const opened = sessionEvent(row, {
      kind: 'opened',
      from,
      action: kindOf(row).action,
      detail: factsOf(row),
    })
    const broken = sessionEvent(row, { kind: 'break-glass', from, action: 'open' })
    const events = row.breakGlass === undefined ? [opened] : [broken, opened]
    this.#admit(row)
    const storing = this.#store(row, request.driver, events)
    const spec = this.#spec(row, request.toolbox, request.grant.maxDurationMs)
    // Beside that, because each takes its time.
    const opening = this.#hold(row, request.driver, spec, request.target)
    try {
      const session = await storing
      // Policy may have changed while that was stored.
      if (this.#endUnlessHeld(session, this.#options.judge(new Date()))) void session.start(opening, spec)
      else await opening.drop()
      return session
    } catch (cause) {
      await opening.drop()
      throw cause
    }
  }

  /** A request that waits for its approval, stored together with its event. */
  async hold(row: SessionRow, driver: TargetDriver, event: NewAuditEvent): Promise<DebugSession> {
    this.#admit(row)
    return await this.#store(row, driver, [event])
  }

  /** A request of an earlier process, which goes on waiting. */
  restore(row: SessionRow, driver: TargetDriver): DebugSession {
    const session = new DebugSession(this.#deps(), driver, row)
    this.#live.set(row.id, session)
    return session
  }

  /** Throws `target_in_use` for a session that can't start beside those that live in its target. */
  requireFree(row: SessionRow): void {
    const others = this.#rows().filter((other) => isBeside(row, other))
    if (others.length === 0) return
    requireFree(row, others, this.#options.judge(new Date()))
  }

  /** Throws `storage_full` when nothing new is to be begun. */
  checkRoom(): void {
    this.#options.recordings.checkRoom()
  }

  /** The sessions that wait for an approval. */
  get waiting(): DebugSession[] {
    return [...this.#live.values()].filter(({ row }) => row.state === 'pending-approval')
  }

  /** Opens the debug container of a session that may start. */
  start(session: DebugSession, { driver, target, toolbox, maxDurationMs }: Start): void {
    const spec = this.#spec(session.row, toolbox, maxDurationMs)
    void session.start(this.#hold(session.row, driver, spec, target), spec)
  }

  #hold(row: SessionRow, driver: TargetDriver, spec: DebugSpec, target: Target): HeldOpening {
    return new HeldOpening({ kind: kindOf(row), access: driver.as(row.user), spec, target })
  }

  #spec(row: SessionRow, toolbox: Toolbox, maxDurationMs: number): DebugSpec {
    return debugSpecOf(row, { installation: this.#options.installation, toolbox, maxDurationMs })
  }

  recheck(): void {
    const now = Date.now()
    const judge = this.#options.judge(new Date(now))
    const soon = this.#options.judge(new Date(now + noticeBeforeMs))
    for (const session of this.#live.values()) {
      const { row } = session
      if (row.state !== 'starting' && row.state !== 'running') continue
      if (!this.#endUnlessHeld(session, judge)) continue
      if (soon.objection(row) === undefined) this.#noticed.delete(session)
      else if (!this.#noticed.has(session)) {
        this.#noticed.add(session)
        session.notify('warning', 'Policy allows this session for only a few minutes more; it will end then.')
      }
    }
  }

  signedInAgain(who: Principal): void {
    const judge = this.#options.judge(new Date())
    for (const session of this.#live.values()) {
      const { user } = session.row
      // A token of another issuer, or a session of before issuers were kept, says nothing about its user's groups there.
      if (user.issuer === undefined || !isSamePerson(user, who)) continue
      this.#endUnlessHeld(session, judge, who)
    }
  }

  /** This process did not run for so long: viewers and recordings of everything that runs are told. */
  suspended(seconds: number): void {
    const text = `The gateway was suspended for ${seconds} s: output from in between comes late, or may be missing.`
    const mark = `the gateway was suspended for ${seconds} s: output of that time comes late, or may be missing`
    for (const session of this.#live.values()) {
      if (session.row.state === 'running') session.warn(text, mark)
    }
  }

  /** Another gateway has begun or ended it: who waits for it here connects again. */
  async letGo(session: DebugSession): Promise<void> {
    this.#live.delete(session.row.id)
    await session.drain()
  }

  /** Whether a debug container of that session is in use, or about to be. */
  claims(id: string): boolean {
    return this.#live.has(id) || this.#coming.has(id)
  }

  live(id: string): DebugSession | undefined {
    return this.#live.get(id)
  }

  ended(id: string): SessionRow | undefined {
    return this.#unstored.get(id)?.row
  }

  get owesEnds(): boolean {
    return this.#unstored.size > 0
  }

  /** Keeps an end that is not stored yet, and tries to store it until it is. */
  owe(ending: SessionEnding): void {
    if (!ending.owed) return
    const { id } = ending.row
    this.#unstored.set(id, ending)
    this.#owed.add(id, async () => {
      await ending.settle()
      this.#unstored.delete(id)
    })
  }

  async terminate(id: string, by: { who: Principal; from: string; reason?: string }): Promise<SessionRow> {
    const session = this.#live.get(id)
    if (session === undefined) throw await this.#notLive(id)
    const reason = by.reason === undefined ? {} : { reason: by.reason }
    const { who, from } = by
    const withdrawn = session.row.state === 'pending-approval' && isSamePerson(session.row.user, who)
    await auditSession(this.#options.store, session.row, {
      kind: withdrawn ? 'withdrawn' : 'terminated',
      action: 'terminate',
      who,
      from,
      ...reason,
    })
    const words = by.reason ?? (withdrawn ? 'The request was withdrawn.' : undefined)
    const detail = words === undefined ? {} : { detail: words }
    const code = withdrawn ? 'withdrawn' : 'terminated'
    return session.end(endOf('terminated', { code, by: personOf(by.who), ...detail }))
  }

  /**
   * What an earlier process left is in the way of others until it is taken over or ended, which {@link arrived} says. Returns those
   * that are not of this process.
   */
  expect(rows: readonly SessionRow[]): SessionRow[] {
    const left = rows.filter(
      ({ id }) => !this.#live.has(id) && !this.#coming.has(id) && !this.#unstored.has(id),
    )
    for (const row of left) this.#coming.set(row.id, row)
    return left
  }

  arrived(id: string): void {
    this.#coming.delete(id)
  }

  /** Takes over a session of an earlier process: see recovery.ts. */
  adopt(row: SessionRow, driver: TargetDriver, historyStart: number): DebugSession {
    const session = new DebugSession(this.#deps(), driver, row, historyStart)
    this.#live.set(row.id, session)
    return session
  }

  async drain(): Promise<void> {
    this.#draining = true
    await this.#storing
    await Promise.allSettled([...this.#live.values()].map((session) => session.drain()))
    this.#live.clear()
    // What is left then, the next process finds on the disk.
    await Promise.all([this.#owed.close(), this.#owedEvents.close()])
  }

  #endUnlessHeld(session: DebugSession, judge: SessionJudge, who?: Principal): boolean {
    const words = judge.objection(session.row, who)
    if (words === undefined) return true
    session.endSoon(endOf('denied', { code: 'policy_changed', detail: words }))
    return false
  }

  /** Takes its place, before the first await, so that the limits hold for simultaneous requests too; {@link #store} comes next. */
  #admit(row: SessionRow): void {
    this.#checkLimits(row.user)
    if (row.state !== 'pending-approval') this.requireFree(row)
    // Nothing can end it before its row is there.
    this.#coming.set(row.id, row)
  }

  async #store(
    row: SessionRow,
    driver: TargetDriver,
    events: readonly NewAuditEvent[],
  ): Promise<DebugSession> {
    const stored = this.#options.store.transaction((transaction) => {
      for (const event of events) transaction.record(event)
      transaction.createSession(row)
    })
    this.#before(stored)
    try {
      await stored
      const session = new DebugSession(this.#deps(), driver, row)
      this.#live.set(row.id, session)
      return session
    } finally {
      // Not sooner: until then it is in the way of others by this alone.
      this.#coming.delete(row.id)
    }
  }

  /** A drain waits for it. */
  #before(work: Promise<unknown>): void {
    this.#storing = Promise.allSettled([this.#storing, work]).then(() => undefined)
  }

  #rows(): SessionRow[] {
    const live = [...this.#live.values()].map(({ row }) => row)
    return [...live, ...[...this.#coming.values()].filter(({ id }) => !this.#live.has(id))]
  }

  #deps(): SessionDeps {
    return {
      ...this.#options,
      onClosed: (session, ending) => {
        this.#live.delete(session.row.id)
        this.owe(ending)
      },
      onRunning: (session) => tellThoseBeside(session, this.#live.values()),
      oweEvent: (session, write) => {
        // Not for ever: a disk that is full for a day makes a hole each second.
        if (this.#owedEvents.size < mostOwedEvents)
          this.#owedEvents.add(`${session.row.id} ${this.#nextOwed++}`, write)
      },
    }
  }

  #checkLimits(who: SessionRow['user']): void {
    if (this.#draining) {
      throw new HatchwayError('shutting_down', 'The gateway is restarting; try again in a few seconds.')
    }
    this.checkRoom()
    requireWithin(this.#options.limits, this.#rows(), who)
  }

  async #notLive(id: string): Promise<HatchwayError> {
    const row = this.ended(id) ?? (await this.#options.store.getSession(id))
    if (row === undefined) return new HatchwayError('session_not_found', `There is no session ${id}.`)
    if (row.state === 'ended') return new HatchwayError('session_ended', `Session ${id} has already ended.`)
    return new HatchwayError(
      'session_not_ready',
      `Session ${id} is being taken over after a restart; try again shortly.`,
    )
  }
}
