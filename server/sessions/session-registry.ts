import { randomBytes } from 'node:crypto'
import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import type { SessionRow } from '../core/session.ts'
import type { TargetRef } from '../core/target-ref.ts'
import type { DebugSpec, Target, TargetDriver } from '../core/target.ts'
import { auditSession } from './session-audit.ts'
import { DebugSession, type SessionDeps } from './debug-session.ts'
import type { LiveSession, OpenRequest, Sessions } from './sessions.ts'

export interface RegistryOptions extends Omit<SessionDeps, 'onClosed'> {
  installation: string
  limits: { sessions: number; sessionsPerUser: number }
}

/** The live sessions of this process. */
export class SessionRegistry implements Sessions {
  readonly #options: RegistryOptions
  readonly #live = new Map<string, DebugSession>()
  #draining = false

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  get liveCount(): number {
    return this.#live.size
  }

  async open(request: OpenRequest): Promise<SessionRow> {
    this.#checkLimits(request.who)
    const row = rowOf(request)
    const session = new DebugSession(this.#deps(), request.driver, row)
    // Taken before the first await, so that the limits hold for simultaneous requests too.
    this.#live.set(row.id, session)
    try {
      await auditSession(this.#options.store, row, {
        kind: 'opened',
        from: request.from,
        action: 'open',
        detail: factsOf(row),
      })
      await this.#options.store.createSession(row)
    } catch (cause) {
      this.#live.delete(row.id)
      throw cause
    }
    const spec: DebugSpec = {
      sessionId: row.id,
      installation: this.#options.installation,
      user: row.user.subject,
      toolbox: request.toolbox,
      profile: row.profile,
      size: row.size,
      maxDurationMs: request.grant.maxDurationMs,
      ...(request.command === undefined ? {} : { command: request.command }),
      ...(request.copy === true ? { copy: true } : {}),
    }
    void session.start(request.target, spec)
    return session.row
  }

  live(id: string): LiveSession | undefined {
    return this.#live.get(id)
  }

  async terminate(id: string, by: { who: Principal; from: string; reason?: string }): Promise<SessionRow> {
    const session = this.#live.get(id)
    if (session === undefined) throw await this.#notLive(id)
    const reason = by.reason === undefined ? {} : { reason: by.reason }
    const { who, from } = by
    await auditSession(this.#options.store, session.row, {
      kind: 'terminated',
      action: 'terminate',
      who,
      from,
      ...reason,
    })
    const detail = by.reason === undefined ? {} : { detail: by.reason }
    return session.end({ reason: 'terminated', by: by.who.name, ...detail })
  }

  /** Takes over a session of an earlier process: see recovery.ts. */
  adopt(row: SessionRow, driver: TargetDriver, historyStart: number): DebugSession {
    const session = new DebugSession(this.#deps(), driver, row, historyStart)
    this.#live.set(row.id, session)
    return session
  }

  async drain(): Promise<void> {
    this.#draining = true
    await Promise.allSettled([...this.#live.values()].map((session) => session.drain()))
    this.#live.clear()
  }

  #deps(): SessionDeps {
    return { ...this.#options, onClosed: (session) => this.#live.delete(session.row.id) }
  }

  #checkLimits(who: Principal): void {
    if (this.#draining) {
      throw new HatchwayError('shutting_down', 'The gateway is restarting; try again in a few seconds.')
    }
    const { sessions, sessionsPerUser } = this.#options.limits
    if (this.#live.size >= sessions) {
      throw new HatchwayError(
        'too_many_sessions',
        `All ${sessions} sessions of this gateway are in use; end one first.`,
      )
    }
    let own = 0
    for (const session of this.#live.values()) if (session.row.user.subject === who.subject) own++
    if (own >= sessionsPerUser) {
      throw new HatchwayError(
        'too_many_sessions',
        `You already have ${own} live sessions, the most allowed; end one first.`,
      )
    }
  }

  async #notLive(id: string): Promise<HatchwayError> {
    const row = await this.#options.store.getSession(id)
    if (row === undefined) return new HatchwayError('session_not_found', `There is no session ${id}.`)
    if (row.state === 'ended') return new HatchwayError('session_ended', `Session ${id} has already ended.`)
    return new HatchwayError(
      'session_not_ready',
      `Session ${id} is being taken over after a restart; try again shortly.`,
    )
  }
}

function rowOf(request: OpenRequest): SessionRow {
  const { target, grant, who } = request
  const now = Date.now()
  return {
    // 80 random bits, in letters that container names and URLs take as they are.
    id: randomBytes(10).toString('hex'),
    state: 'starting',
    target: {
      ref: request.ref,
      name: target.name,
      ...placeOf(target.ref),
      image: target.image,
      labels: target.labels,
      ...(target.cluster === undefined ? {} : { names: target.cluster.names }),
      resolved: resolvedOf(target),
    },
    user: { subject: who.subject, name: who.name, groups: who.groups },
    toolbox: request.toolbox.name,
    profile: request.profile,
    ...(request.copy === true ? { copy: true } : {}),
    ...(request.reason === undefined ? {} : { reason: request.reason }),
    ...(request.ticket === undefined ? {} : { ticket: request.ticket }),
    size: request.size,
    requestedAt: new Date(now),
    deadline: new Date(now + grant.maxDurationMs),
    idleTimeoutMs: grant.idleTimeoutMs,
    recordInput: grant.recordInput,
    recordingMode: grant.recording,
    rules: request.rules,
  }
}

function resolvedOf({ id, node, cluster }: Target): SessionRow['target']['resolved'] {
  return {
    id,
    ...(cluster?.pod === undefined ? {} : { pod: cluster.pod }),
    ...(cluster?.container === undefined ? {} : { container: cluster.container }),
    ...(node === undefined ? {} : { node }),
    ...(cluster?.claims === undefined ? {} : { claims: cluster.claims }),
  }
}

function placeOf(ref: TargetRef): { environment: string; namespace?: string } {
  return ref.kind === 'docker'
    ? { environment: ref.environment }
    : { environment: ref.environment, namespace: ref.namespace }
}

function factsOf(row: SessionRow): Record<string, string> {
  return {
    container: row.target.resolved.id,
    ...(row.target.resolved.pod === undefined ? {} : { pod: row.target.resolved.pod }),
    ...(row.copy === true ? { copy: 'true' } : {}),
    image: row.target.image,
    toolbox: row.toolbox,
    profile: row.profile,
    ...(row.ticket === undefined ? {} : { ticket: row.ticket }),
  }
}
