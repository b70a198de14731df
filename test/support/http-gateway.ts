/** A gateway of its real parts on a real port, with a real issuer, over hosts in memory. */
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { after, before } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { pino, type Logger } from 'pino'
import { createLogins } from '../../server/auth/logins.ts'
import { createOneTimeCodes } from '../../server/auth/one-time-link.ts'
import { createTokenVerifier } from '../../server/auth/verify-token.ts'
import { createWsTickets } from '../../server/auth/ws-tickets.ts'
import type { Auth } from '../../server/core/authentication.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import type { Store } from '../../server/core/store.ts'
import { createSessionJudge } from '../../server/gateway/session-judge.ts'
import { Metrics } from '../../server/http/metrics.ts'
import type { TimedPolicy } from '../../server/policy/compile-policy.ts'
import { PolicySimulator } from '../../server/policy/simulate.ts'
import { SessionApprovals } from '../../server/sessions/life/approvals.ts'
import type { SessionObserver } from '../../server/sessions/sessions.ts'
import { Screens } from '../../server/sessions/terminal/screens.ts'
import { buildApp } from '../../server/start/app.ts'
import type { AppParts } from '../../server/start/app-parts.ts'
import { readingDeps } from '../../server/start/serve-recordings.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import { MemoryDriver } from '../drivers/memory-driver.ts'
import { hostInMemory, type MemoryHost } from '../drivers/memory-host.ts'
import { ScriptedPrograms } from '../drivers/scripted-program.ts'
import { writeBuiltWeb } from './built-web.ts'
import type { Cleanup } from './cleanup.ts'
import { startIssuer } from './http-issuer.ts'
import { everybodyMayAll, policyOf } from './policies.ts'
import { RefusingStore } from './refusing-store.ts'
import { wireSessions } from './wired-sessions.ts'

export interface HttpGatewayOptions {
  /** Default: everything is allowed. */
  policy?: TimedPolicy
  change?: (parts: AppParts) => Partial<AppParts> | Promise<Partial<AppParts>>
}

export interface HttpGateway {
  app: FastifyInstance
  url: string
  store: Store
  /** The store's faults. */
  refusing: RefusingStore
  sessions: AppParts['sessions']
  /** `local`, with web-1, web-2 and vault, and `edge`, with cache. */
  hosts: Map<string, MemoryHost>
  /** What runs there: it prompts, and echoes what is typed. */
  programs: ScriptedPrograms
  issuer: Awaited<ReturnType<typeof startIssuer>>
  /** Everything logged so far. */
  log: string[]
  mintCode(): string
  /** A bearer request. */
  call(path: string, token?: string, init?: RequestInit): Promise<Response>
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

/** A listening gateway; everything in it is gone when the test ends. */
export async function startHttpGateway(t: Cleanup, options: HttpGatewayOptions = {}): Promise<HttpGateway> {
  const issuer = await startIssuer(t)
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-http-'))
  await writeBuiltWeb(join(directory, 'web'))
  const real = await openSqliteStore({ path: join(directory, 'rows.db') })
  const refusing = new RefusingStore(real)
  const { store } = refusing
  const codes = createOneTimeCodes()
  const programs = new ScriptedPrograms({ prompt: '$ ', echoes: true })
  const hosts = new Map([
    ['local', hostInMemory('local', programs, ['web-1', 'web-2', 'vault'])],
    ['edge', hostInMemory('edge', programs, ['cache'])],
  ])
  const log: string[] = []
  const logger = pino({ level: 'debug' }, collect(log))
  const screens = new Screens()
  const { policy = policyOf(everybodyMayAll) } = options
  const parts = wireParts({ directory, store, screens, policy, logger, hosts })
  const base: AppParts = { ...parts, auth: realAuth(issuer, store, codes) }
  const app = await buildApp({ ...base, ...(await options.change?.(base)) })
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    refusing.refuse()
    parts.approvals.close()
    await parts.sessions.drain()
    await app.close()
    await screens.close()
    await real.close()
    await rm(directory, { recursive: true })
  })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return {
    app,
    url,
    store,
    refusing,
    sessions: parts.sessions,
    hosts,
    programs,
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

interface Ground {
  directory: string
  store: Store
  screens: Screens
  policy: TimedPolicy
  logger: Logger
  hosts: ReadonlyMap<string, MemoryHost>
}

function wireParts({ directory, store, screens, policy, logger, hosts }: Ground) {
  const metrics = new Metrics()
  const observer = observe(metrics, logger)
  const sessions = wireSessions({ directory, store, screens, policy, observer })
  const { registry, recordings, blobs, ledger } = sessions
  const drivers = new Map([...hosts].map(([id, host]) => [id, new MemoryDriver(host, 'test')]))
  const toolboxes = [
    { name: 'busybox', image: 'busybox:1', shell: ['/bin/sh'] },
    { name: 'big', image: 'big:1', shell: ['/bin/bash'] },
  ]
  const simulator = new PolicySimulator()
  const approvals = new SessionApprovals({
    store: ledger,
    registry,
    drivers,
    toolboxes,
    judge: (at) => createSessionJudge(policy.at(at)),
    notify: () => undefined,
    expiresAfterMs: 600_000,
    onProblem: (what, cause) => logger.warn({ err: cause }, what),
  })
  return {
    drivers,
    toolboxes,
    policy: () => policy.at(new Date()),
    policyAt: (moment: Date) => policy.at(moment),
    simulatePolicy: (text, request, moment) => simulator.simulate({ text, request, moment }),
    runbooks: () => [],
    store,
    blobs,
    recordings,
    sessions: registry,
    approvals,
    onPolicyChange: () => {},
    ...readingDeps(recordings),
    metrics,
    listen: { host: '127.0.0.1', port: 0 },
    trustProxy: false,
    webRoot: join(directory, 'web'),
    logger,
    version: '0.0.0-test',
  } satisfies Omit<AppParts, 'auth'>
}

function observe(metrics: Metrics, logger: Logger): SessionObserver {
  return {
    started: (environment) => metrics.countStart(environment, 'running'),
    startFailed: (environment, cause) => logger.warn({ err: cause, environment }, 'start failed'),
    ended: (reason) => metrics.countEnd(reason),
    output: (bytes) => metrics.countOutput(bytes),
    endFailed: (sessionId, cause) => logger.error({ err: cause, sessionId }, 'end failed'),
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

function collect(lines: string[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      done()
    },
  })
}
