/** A gateway's HTTP side on a real port with a real issuer, over scripted targets and sessions. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { after, before } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { pino } from 'pino'
import { buildApp } from '../../server/start/app.ts'
import { createLogins } from '../../server/auth/logins.ts'
import { createOneTimeCodes } from '../../server/auth/one-time-link.ts'
import { createTokenVerifier } from '../../server/auth/verify-token.ts'
import { createWsTickets } from '../../server/auth/ws-tickets.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import type { Decision, Grant, Policy, PolicyRequest } from '../../server/core/policy.ts'
import { personOf, type Person } from '../../server/core/same-person.ts'
import { endOf } from '../../server/core/session-end.ts'
import type { SessionRow } from '../../server/core/session.ts'
import type { Store } from '../../server/core/store.ts'
import { parseTargetRef, type TargetRef } from '../../server/core/target-ref.ts'
import type { Auth } from '../../server/core/authentication.ts'
import type { Profile } from '../../server/core/vocabulary.ts'
import type { DriverCapabilities, TargetAccess, TargetDriver } from '../../server/core/driver.ts'
import type { Identity } from '../../server/core/identity.ts'
import type { Target } from '../../server/core/target.ts'
import type { AppParts } from '../../server/start/app-parts.ts'
import { Metrics } from '../../server/http/metrics.ts'
import type { ClientMessage } from '../../server/protocol/terminal.ts'
import type {
  JoinRequest,
  LiveSession,
  OpenRequest,
  Sessions,
  ViewerHandle,
  ViewerSocket,
} from '../../server/sessions/sessions.ts'
import { describeMemoryTarget, findTarget } from '../drivers/memory-targets.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'

export const grant: Grant = {
  profiles: ['auto', 'general'],
  requireReason: false,
  requireTicket: false,
  reasonPatterns: [],
  ticketPatterns: [],
  copies: false,
  maxDurationMs: 3_600_000,
  idleTimeoutMs: 900_000,
  recordInput: false,
  exclusive: false,
  recording: 'strict',
}

/** Lets `admins` do everything, and others what `may` says. */
export function scriptedPolicy(may: (request: PolicyRequest) => boolean | 'reason'): Policy {
  const decide = (request: PolicyRequest): Decision => {
    const answer = request.who.groups.includes('admins') || may(request)
    const given = request.reason !== undefined || request.prospective === true
    if (answer === true || (answer === 'reason' && given)) {
      return {
        effect: 'allow',
        rules: ['scripted'],
        grant: { ...grant, requireReason: answer === 'reason' },
      }
    }
    const code = answer === 'reason' ? 'reason_required' : 'forbidden'
    return { effect: 'deny', rules: ['scripted'], code, explanation: `The scripted policy says ${code}.` }
  }
  return {
    version: 'scripted',
    decide,
    explain: (request) => ({ decision: decide(request), matching: [], near: [], missed: [] }),
  }
}

/** Targets by name; what it does is set by the test. */
export class ScriptedDriver implements TargetDriver, TargetAccess {
  readonly kind: TargetRef['kind']
  readonly capabilities: DriverCapabilities
  readonly environment: string
  targets: readonly Target[]
  /** What it says of itself as a whole. */
  said: string[] = []
  /** When set, every call fails with it. */
  failure: Error | undefined
  /** When true, no call is ever answered. */
  hangs = false

  constructor(environment: string, names: readonly string[], kind: TargetRef['kind'] = 'docker') {
    this.environment = environment
    this.kind = kind
    this.capabilities = { copies: kind === 'kubernetes' }
    this.targets = names.map((name, index) => describeMemoryTarget(environment, name, index))
  }

  problems(): string[] {
    return this.said
  }

  as(): TargetAccess {
    return this
  }

  async #answer<T>(value: () => T): Promise<T> {
    if (this.hangs) return await new Promise<never>(() => {})
    if (this.failure !== undefined) throw this.failure
    return value()
  }

  check(): Promise<void> {
    return this.#answer(() => undefined)
  }

  list(): Promise<readonly Target[]> {
    return this.#answer(() => this.targets)
  }

  find(ref: TargetRef): Promise<Target> {
    return this.#answer(() => findTarget(this.targets, ref))
  }

  identify(_target: Target, profile: Profile): Promise<Identity> {
    return this.#answer(() => {
      if (profile === 'general') throw new HatchwayError('profile_insufficient', 'general cannot see it')
      return {
        uid: 65_532,
        gid: 65_532,
        groups: [],
        capabilities: [],
        seesFiles: true,
        explanation: 'as the target',
      }
    })
  }

  open: TargetAccess['open'] = () => Promise.reject(new Error('not scripted'))
  run: TargetAccess['run'] = () => Promise.reject(new Error('not scripted'))
  reattach: TargetAccess['reattach'] = () => Promise.reject(new Error('not scripted'))
  stop: TargetDriver['stop'] = async () => undefined
  listOwned: TargetDriver['listOwned'] = async () => []
  close(): void {}
}

/** A pod, or a workload, of a scripted cluster: `payments/pod/api-1`. `above` names the workloads that a pod is part of. */
export function describeClusterTarget(
  environment: string,
  path: string,
  { above = [], ...change }: Partial<Target> & { above?: readonly string[] } = {},
): Target {
  const ref = parseTargetRef(`${environment}/${path}`)
  if (ref.kind !== 'kubernetes') throw new Error(`${path} is not in a cluster`)
  const own = `${ref.workload}/${ref.name}`
  return {
    ...describeMemoryTarget(environment, ref.name, 0),
    ref,
    id: path,
    labels: { app: ref.name },
    cluster: {
      names: [own, ...above],
      ...(ref.workload === 'pod' ? { pod: ref.name, container: 'app' } : { pods: { total: 1, ready: 1 } }),
      containers: [
        {
          name: 'app',
          kind: 'app',
          image: `registry.example/${ref.name}:1`,
          state: 'running',
          status: 'Running',
          ready: true,
          restarts: 0,
        },
      ],
      restarts: 0,
    },
    ...change,
  }
}

/** A live session that keeps what its viewers send. */
export class ScriptedSession implements LiveSession {
  readonly state = { viewers: [] }
  readonly ending = false
  row: SessionRow
  readonly joined: { socket: ViewerSocket; request: JoinRequest }[] = []
  readonly input: Buffer[] = []
  readonly messages: ClientMessage[] = []
  left = 0
  /** Joins wait for it. */
  gate: Promise<unknown> = Promise.resolve()
  failure: Error | undefined

  constructor(row: SessionRow) {
    this.row = row
  }

  async join(socket: ViewerSocket, request: JoinRequest): Promise<ViewerHandle> {
    await this.gate
    if (this.failure !== undefined) throw this.failure
    this.joined.push({ socket, request })
    const role = request.role === 'controller' && request.mayControl ? 'controller' : 'observer'
    const { size } = this.row
    socket.send({
      type: 'hello',
      session: request.describe(),
      role,
      offset: request.offset ?? 0,
      liveFrom: 0,
      size,
    })
    return {
      input: (bytes) => {
        this.input.push(Buffer.from(bytes))
        socket.sendBytes(bytes)
      },
      control: (message) => {
        this.messages.push(message)
        if (message.type === 'ping') socket.send({ type: 'pong', id: message.id })
      },
      leave: () => (this.left += 1),
    }
  }
}

/** Sessions that start at once and end when told to. */
export class ScriptedSessions implements Sessions {
  readonly #store: Store
  readonly all = new Map<string, ScriptedSession>()
  readonly opened: OpenRequest[] = []
  drained = 0

  constructor(store: Store) {
    this.#store = store
  }

  get liveCount(): number {
    return this.all.size
  }

  async open(request: OpenRequest): Promise<SessionRow> {
    this.opened.push(request)
    const row = describeRow(request)
    await this.#store.createSession(row)
    this.all.set(row.id, new ScriptedSession(row))
    return row
  }

  run(): Promise<never> {
    throw new Error('not scripted')
  }

  live(id: string): ScriptedSession | undefined {
    return this.all.get(id)
  }

  ended(): undefined {}
  readonly owesEnds = false

  async terminate(id: string, by: { who: Person; reason?: string }): Promise<SessionRow> {
    const session = this.all.get(id)
    if (session === undefined) throw new HatchwayError('session_ended', 'It has ended.')
    const end = endOf('terminated', { by: personOf(by.who) })
    const row: SessionRow = { ...session.row, state: 'ended', endedAt: new Date(), end }
    this.all.delete(id)
    await this.#store.updateSession(id, { state: 'ended', endedAt: new Date(), end })
    return row
  }

  recheck(): void {}

  signedInAgain(): void {}

  async drain(): Promise<void> {
    this.drained += 1
    for (const session of this.all.values()) {
      for (const { socket } of session.joined) socket.close(1012, 'restarting')
    }
  }
}

function describeRow(request: OpenRequest): SessionRow {
  const { target, who, grant } = request
  const now = Date.now()
  return {
    id: randomUUID(),
    kind: request.kind,
    detail: request.detail,
    state: 'running',
    target: {
      ref: request.ref,
      name: target.name,
      environment: target.ref.environment,
      image: target.image,
      labels: target.labels,
      resolved: { id: target.id },
    },
    user: { ...personOf(who), groups: who.groups },
    toolbox: request.toolbox.name,
    profile: request.profile,
    ...(request.reason === undefined ? {} : { reason: request.reason }),
    size: request.size,
    requestedAt: new Date(now),
    startedAt: new Date(now),
    deadline: new Date(now + grant.maxDurationMs),
    idleTimeoutMs: grant.idleTimeoutMs,
    recordInput: grant.recordInput,
    recordingMode: grant.recording,
    rules: request.rules,
  }
}

/** What a test's context does: runs `fn` when it is over. */
export interface Cleanup {
  after(fn: () => unknown): void
}

/** One gateway for all tests of the surrounding `describe`. */
export function sharedHttpGateway(options: HttpGatewayOptions = {}): () => HttpGateway {
  let gateway: HttpGateway | undefined
  const cleanups: (() => unknown)[] = []
  before(async () => {
    gateway = await startHttpGateway({ after: (fn) => cleanups.unshift(fn) }, options)
  })
  after(async () => {
    for (const clean of cleanups) await clean()
  })
  return () => {
    if (gateway === undefined) throw new Error('the gateway is there only while tests run')
    return gateway
  }
}

/** A real JWKS over HTTP, and tokens that it signed. */
export async function startIssuer(t: Cleanup) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    /** A token of `subject`, good for `seconds`. */
    token(
      subject: string,
      options: { groups?: string[]; seconds?: number; audience?: string } = {},
    ): Promise<string> {
      const { groups = [], seconds = 600, audience = 'hatchway' } = options
      const now = Math.floor(Date.now() / 1000)
      return new SignJWT({ groups, name: `${subject} by name` })
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(subject)
        .setIssuedAt(now)
        .setExpirationTime(now + seconds)
        .sign(privateKey)
    },
  }
}

export interface HttpGatewayOptions {
  /** Default: everything is allowed. */
  policy?: Policy
  change?: (deps: AppParts) => Partial<AppParts> | Promise<Partial<AppParts>>
}

export interface HttpGateway {
  app: FastifyInstance
  url: string
  store: Store
  sessions: ScriptedSessions
  drivers: Map<string, ScriptedDriver>
  recordings: Map<string, string>
  issuer: Awaited<ReturnType<typeof startIssuer>>
  /** Everything logged so far. */
  log: string[]
  mintCode(): string
  /** A bearer request. */
  call(path: string, token?: string, init?: RequestInit): Promise<Response>
}

/** A listening gateway; everything in it is gone when the test ends. */
export async function startHttpGateway(t: Cleanup, options: HttpGatewayOptions = {}): Promise<HttpGateway> {
  const issuer = await startIssuer(t)
  const folder = await mkdtemp(join(tmpdir(), 'hatchway-http-'))
  const webRoot = join(folder, 'web')
  await mkdir(join(webRoot, 'assets'), { recursive: true })
  await writeFile(join(webRoot, 'index.html'), '<!doctype html><title>Hatchway</title>')
  await writeFile(join(webRoot, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  await writeFile(join(webRoot, 'assets', 'app-1a2b.js'), 'export const plain = true\n')
  await writeFile(join(webRoot, 'assets', 'app-1a2b.js.gz'), 'compressed by the build')
  const store = await openSqliteStore({ path: join(folder, 'rows.db') })
  const codes = createOneTimeCodes()
  const sessions = new ScriptedSessions(store)
  const drivers = new Map([
    ['local', new ScriptedDriver('local', ['web-1', 'web-2', 'vault'])],
    ['edge', new ScriptedDriver('edge', ['cache'])],
  ])
  const recordings = new Map<string, string>()
  const log: string[] = []
  const everything = scriptedPolicy(() => true)
  const base: AppParts = {
    drivers,
    toolboxes: [
      { name: 'busybox', image: 'busybox:1', shell: ['/bin/sh'] },
      { name: 'big', image: 'big:1', shell: ['/bin/bash'] },
    ],
    policy: () => options.policy ?? everything,
    policyAt: () => options.policy ?? everything,
    simulatePolicy: async (_text, asked) => ({ version: 'scripted', explanation: everything.explain(asked) }),
    runbooks: () => [],
    store,
    blobs: { check: async () => {} },
    recordings: scriptedRecordings(recordings),
    sessions,
    approvals: noApprovals,
    onPolicyChange: () => {},
    auth: realAuth(issuer, store, codes),
    verifyRecording: async () => ({ whole: true, unaltered: true, checked: [] }),
    convertRecording: (stored, format) =>
      Readable.from([`as ${format}\n`]).once('close', () => stored.destroy()),
    metrics: new Metrics(),
    listen: { host: '127.0.0.1', port: 0 },
    trustProxy: false,
    webRoot,
    logger: pino({ level: 'debug' }, collect(log)),
    version: '0.0.0-test',
  }
  const app = await buildApp({ ...base, ...(await options.change?.(base)) })
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await app.close()
    await store.close()
    await rm(folder, { recursive: true })
  })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return {
    app,
    url,
    store,
    sessions,
    drivers,
    recordings,
    issuer,
    log,
    mintCode: () => codes.mint().code,
    call: (path, token, init = {}) => {
      const headers = new Headers(init.headers)
      if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
      if (init.body !== undefined && !headers.has('content-type'))
        headers.set('content-type', 'application/json')
      return fetch(`${url}${path}`, { ...init, headers, redirect: 'manual' })
    },
  }
}

function realAuth(
  issuer: Awaited<ReturnType<typeof startIssuer>>,
  store: Store,
  codes: ReturnType<typeof createOneTimeCodes>,
): Auth {
  const options = {
    issuer: issuer.issuer,
    audience: ['hatchway'],
    keys: { kind: 'jwksUri', url: issuer.jwksUri },
    claims: { subject: 'sub', name: 'name', groups: 'groups' },
    prefix: '',
  } as const
  const verifier = createTokenVerifier([options], { clockSkewSeconds: 0 })
  return {
    verifyToken: (token) => verifier.verify(token),
    redeemLink: (code) => {
      if (!codes.redeem(code)) throw new HatchwayError('unauthenticated', 'The link was used already.')
      const expiresAt = new Date(Date.now() + 3_600_000)
      return { subject: 'local', name: 'Local user', groups: ['admins'], issuer: 'link', expiresAt }
    },
    tickets: createWsTickets(),
    logins: createLogins(store),
  }
}

const unscripted = () => Promise.reject(new Error('not scripted'))
/** The scripted policies require none; the tests on a real gateway are about them. */
const noApprovals: AppParts['approvals'] = {
  request: unscripted,
  breakGlass: unscripted,
  decide: unscripted,
  review: unscripted,
}

function scriptedRecordings(held: Map<string, string>): AppParts['recordings'] {
  return {
    start: unscripted,
    resume: unscripted,
    read: async (id) => {
      const text = held.get(id)
      if (text === undefined) throw new HatchwayError('recording_not_found', 'There is no recording.')
      return Readable.from([text])
    },
    listLive: async () => [],
    checkRoom: () => undefined,
    check: async () => undefined,
    findSealed: async () => undefined,
    noteEnd: unscripted,
    notedEnd: async () => undefined,
    settled: async () => {},
  }
}

function collect(lines: string[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      done()
    },
  })
}
