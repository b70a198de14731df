import { needsAreMet, type Approval, type ApprovalVote } from '../../core/approval.ts'
import type { EditSession } from '../../core/session-ledger.ts'
import { type ErrorCode, HatchwayError } from '../../core/errors.ts'
import { untilDone } from '../../core/owed.ts'
import type { Notify } from '../../core/notification.ts'
import type { ApprovalNeed } from '../../core/policy.ts'
import { personOf } from '../../core/same-person.ts'
import { endByError, endOf } from '../../core/session-end.ts'
import type { SessionRow } from '../../core/session.ts'
import { hasVoted } from '../../core/session-policy.ts'
import { kindOf } from '../kinds/kinds.ts'
import type { SessionLedger } from '../../core/session-ledger.ts'
import type { Toolbox } from '../../core/debug-container.ts'
import type { TargetDriver } from '../../core/driver.ts'
import { checkApprover, inWords } from './check-approver.ts'
import { resolveApproved, startOf } from './approved-start.ts'
import type { DebugSession } from './debug-session.ts'
import { waitingRequests } from './ended-requests.ts'
import { Expiries } from './expiries.ts'
import { reviewBreakGlass } from './review-break-glass.ts'
import { sessionEvent } from './session-audit.ts'
import type { SessionRegistry } from './session-registry.ts'
import { factsOf, rowOf } from './session-row.ts'
import type { SessionJudge } from '../session-judge.ts'
import type { ApprovalRequest, Approvals } from '../sessions.ts'

export interface ApprovalsOptions {
  store: SessionLedger
  registry: SessionRegistry
  drivers: ReadonlyMap<string, TargetDriver>
  toolboxes: readonly Toolbox[]
  /** What policy says at a moment. */
  judge: (at: Date) => SessionJudge
  notify: Notify
  /** How long a request waits. */
  expiresAfterMs: number
  onProblem: (what: string, cause: unknown) => void
}

/** What keeps a request from starting now, and says nothing against it. */
const waits: ReadonlySet<ErrorCode> = new Set([
  'store_unavailable',
  'storage_full',
  'backend_unavailable',
  'timeout',
])

type Decide = Parameters<Approvals['decide']>[1]
type Review = Parameters<Approvals['review']>[1]

/** Requests live with the sessions of this process and in the store; a restart finds them there. */
export class SessionApprovals implements Approvals {
  readonly #options: ApprovalsOptions
  readonly #expiries: Expiries
  /** One thing at a time happens to a request here. What other gateways do to it meanwhile, its version tells. */
  readonly #queues = new Map<string, Promise<unknown>>()

  constructor(options: ApprovalsOptions) {
    this.#options = options
    this.#expiries = new Expiries((id) => void this.#expire(id))
  }

  async request(request: ApprovalRequest): Promise<SessionRow> {
    const { registry, notify, expiresAfterMs } = this.#options
    const started = rowOf(request)
    const expiresAt = new Date(started.requestedAt.getTime() + expiresAfterMs)
    const approval: Approval = {
      outcome: 'pending',
      needs: request.terms.needs,
      votes: [],
      plan: { image: request.toolbox.image, maxDurationMs: request.grant.maxDurationMs },
      expiresAt,
    }
    const { identity } = request
    const row: SessionRow = {
      ...started,
      state: 'pending-approval',
      deadline: expiresAt,
      approval,
      ...(identity && { identity }),
    }
    const detail = { ...factsOf(row), expires: expiresAt.toISOString(), approval: inWords(approval.needs) }
    const { from } = request
    const event = sessionEvent(row, {
      kind: 'approval-requested',
      from,
      action: kindOf(row).action,
      detail,
    })
    const session = await registry.hold(row, request.driver, event)
    this.#expiries.watch(row.id, expiresAt)
    notify({ kind: 'approval-requested', session: row })
    return session.row
  }

  async breakGlass(request: ApprovalRequest): Promise<SessionRow> {
    const row = await this.#options.registry.open({ ...request, breakGlass: request.terms.needs })
    this.#options.notify({ kind: 'break-glass', session: row })
    return row
  }

  decide(id: string, act: Decide): Promise<SessionRow> {
    return this.#exclusive(id, async () => {
      const session = this.#waiting(id)
      await checkApprover(this.#options, session.row, act)
      await this.#vote(session, act)
      if (act.decision === 'approve') {
        await this.#startIfReady(session)
        return session.row
      }
      const words = act.reason ?? 'without a reason'
      return await session.end(
        endOf('denied', { code: 'approval_denied', by: personOf(act.who), detail: words }),
      )
    })
  }

  review(id: string, act: Review): Promise<SessionRow> {
    return reviewBreakGlass(this.#options, id, act)
  }

  /** Judges what waits by the policy in force now: it may be allowed without an approval, need others, or be denied. */
  async recheck(): Promise<void> {
    await Promise.all(
      this.#options.registry.waiting.map(({ row: { id } }) =>
        this.#exclusive(id, async () => {
          const session = this.#options.registry.live(id)
          if (session?.row.state !== 'pending-approval') return
          // Its time may have run out while no gateway was there to see it.
          if (hasExpired(session.row)) await this.#endExpired(session)
          else await this.#startIfReady(session)
        }).catch((cause: unknown) =>
          this.#options.onProblem(`request ${id} could not be judged again`, cause),
        ),
      ),
    )
  }

  /**
   * Takes up the requests of an earlier process, among them those that were approved just before it ended. A store that is away is asked
   * again until it is back. Never rejects.
   */
  async restore(signal: AbortSignal): Promise<void> {
    const onFailure = (cause: unknown) =>
      this.#options.onProblem('the requests that wait could not be taken up', cause)
    await untilDone(() => this.#restore(), { signal, onFailure })
    await this.recheck()
  }

  async #restore(): Promise<void> {
    const { store, registry, drivers } = this.#options
    for await (const row of waitingRequests(store)) {
      const driver = drivers.get(row.target.environment)
      // What is over already is ended by others: see ended-requests.ts.
      const isTaken = registry.live(row.id) !== undefined || registry.ended(row.id) !== undefined
      if (driver === undefined || isTaken) continue
      registry.restore(row, driver)
      if (row.approval !== undefined) this.#expiries.watch(row.id, row.approval.expiresAt)
    }
  }

  close(): void {
    this.#expiries.close()
  }

  async #vote(session: DebugSession, { who, from, decision, reason }: Decide): Promise<void> {
    const { notify } = this.#options
    const { subject, name, issuer, account, groups } = who
    const by = { subject, name, issuer, groups, ...(account !== undefined && { account }) }
    const given = reason === undefined ? {} : { reason }
    const vote: ApprovalVote = { decision, by, at: new Date(), ...given }
    const kind = decision === 'approve' ? 'approved' : 'approval-denied'
    const voted = await this.#edit(session, (row) => {
      if (hasVoted(row, who))
        throw new HatchwayError('already_decided', 'You have already decided on this request.')
      const approval = undeniedOf(row)
      if (approval === undefined) return undefined
      const event = { kind, who, from, action: 'approve', ...given, detail: factsOf(row) } as const
      return {
        change: { approval: { ...approval, votes: [...approval.votes, vote] } },
        events: [sessionEvent(row, event)],
      }
    })
    if (voted?.approval === undefined) throw notWaiting(session.row.id)
    if (decision === 'deny') notify({ kind: 'denied', session: voted, by, ...given })
    else if (needsAreMet(voted.approval.needs, voted.approval.votes))
      notify({ kind: 'approved', session: voted, by, ...given })
  }

  /** Starts it when policy and target, as they are now, leave nothing to wait for; ends it when they forbid it. */
  async #startIfReady(session: DebugSession): Promise<void> {
    const { registry, toolboxes, judge } = this.#options
    const driver = this.#options.drivers.get(session.row.target.environment)
    if (driver === undefined) return
    try {
      const asked = judge(new Date()).request(session.row)
      if (!asked.ready) {
        await this.#storeNeeds(session, asked.needs)
        return
      }
      const found = await resolveApproved(session.row, driver)
      const row = { ...session.row, target: found.target }
      const judged = judge(new Date()).request(row)
      if (!judged.ready) {
        await this.#storeNeeds(session, judged.needs)
        return
      }
      const { toolbox, change } = startOf(row, judged, toolboxes)
      registry.checkRoom()
      registry.requireFree({ ...row, ...change })
      const edit: EditSession = (stored) => {
        const approval = undeniedOf(stored)
        if (approval === undefined) return undefined
        const { outcome } = change.approval
        const started = { ...change, approval: { ...approval, outcome }, target: found.target }
        const detail = { ...factsOf(row), ...(found.note !== undefined && { resolvedAgain: found.note }) }
        const event = { kind: 'opened', action: kindOf(row).action, detail } as const
        return {
          change: { ...started, state: 'starting' },
          events: [sessionEvent({ ...stored, ...started }, event)],
        }
      }
      const begun = await this.#edit(session, edit, { begins: true })
      if (begun === undefined) return
      this.#expiries.forget(row.id)
      // Again, because somebody may have come meanwhile; from here on this one is in their way.
      registry.requireFree(begun)
      if (!session.begin(begun)) return
      if (found.note !== undefined) session.notify('warning', found.note)
      const maxDurationMs = begun.deadline.getTime() - Date.now()
      registry.start(session, { driver, target: found.found, toolbox, maxDurationMs })
    } catch (cause) {
      // It is ready, and goes on waiting: the next look at what waits starts it.
      if (!(cause instanceof HatchwayError) || waits.has(cause.code)) throw cause
      this.#expiries.forget(session.row.id)
      const reason = cause.status === 403 ? 'denied' : 'failed'
      await session.end(endByError(reason, cause))
    }
  }

  async #storeNeeds(session: DebugSession, needs: readonly ApprovalNeed[]): Promise<void> {
    await this.#edit(session, ({ approval }) => {
      if (approval === undefined || JSON.stringify(approval.needs) === JSON.stringify(needs)) return undefined
      return { change: { approval: { ...approval, needs } } }
    })
  }

  /**
   * Changes a request that waits, by what is stored of it: another gateway may have changed it. One that has begun or ended there
   * is let go; undefined, then, and when it has ended here.
   */
  async #edit(
    session: DebugSession,
    edit: EditSession,
    how: { begins?: boolean } = {},
  ): Promise<SessionRow | undefined> {
    let waits = true
    const edited = await session.edit((row) => {
      waits = row.state === 'pending-approval'
      return waits ? edit(row) : undefined
    }, how)
    if (!waits) await this.#letGo(session)
    return edited
  }

  async #letGo(session: DebugSession): Promise<void> {
    this.#expiries.forget(session.row.id)
    await this.#options.registry.letGo(session)
  }

  #waiting(id: string): DebugSession {
    const session = this.#options.registry.live(id)
    const { state, approval } = session?.row ?? {}
    if (session === undefined || state !== 'pending-approval' || approval === undefined) throw notWaiting(id)
    if (hasExpired(session.row)) throw notWaiting(id)
    return session
  }

  async #expire(id: string): Promise<void> {
    await this.#exclusive(id, async () => {
      const session = this.#options.registry.live(id)
      if (session?.row.state === 'pending-approval') await this.#endExpired(session)
    }).catch((cause: unknown) => this.#options.onProblem(`request ${id} could not be ended`, cause))
  }

  async #endExpired(session: DebugSession): Promise<void> {
    const { store } = this.#options
    // A store that is away says nothing against it.
    const stored = await store.getSession(session.row.id).catch(() => undefined)
    if (stored !== undefined && stored.state !== 'pending-approval') return await this.#letGo(session)
    this.#expiries.forget(session.row.id)
    this.#options.notify({ kind: 'expired', session: session.row })
    const detail = 'Nobody decided on the request in time.'
    await session.end(endOf('expired', { code: 'approval_expired', detail }))
  }

  #exclusive<T>(id: string, act: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(id) ?? Promise.resolve()
    const result = before.then(act, act)
    const forget = () => {
      if (this.#queues.get(id) === settled) this.#queues.delete(id)
    }
    const settled: Promise<void> = result.then(forget, forget)
    this.#queues.set(id, settled)
    return result
  }
}

/** What is asked for, unless somebody has denied it: one denial ends a request, though the end may not be stored yet. */
function undeniedOf({ approval }: SessionRow): Approval | undefined {
  return approval?.votes.some(({ decision }) => decision === 'deny') === true ? undefined : approval
}

function hasExpired({ approval }: SessionRow): boolean {
  return approval !== undefined && approval.expiresAt.getTime() <= Date.now()
}

function notWaiting(id: string): HatchwayError {
  return new HatchwayError('already_decided', `Session ${id} does not wait for an approval any more.`)
}
