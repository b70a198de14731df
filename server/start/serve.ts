import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino, type Logger } from 'pino'
import { createAuditTrail } from '../gateway/audit-trail.ts'
import { createSessionJudge } from '../gateway/session-judge.ts'
import { createSessionLedger } from '../gateway/session-ledger.ts'
import { buildApp } from './app.ts'
import type { AppParts } from './app-parts.ts'
import { createGatewayAuth } from './serve-auth.ts'
import { redactConfig, type Config } from '../config/config.ts'
import { HatchwayError, messageOf } from '../core/errors.ts'
import { untilDone } from '../core/owed.ts'
import type { Principal } from '../core/policy.ts'
import type { AuditTrail } from '../core/audit-trail.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { SessionLedger } from '../core/session-ledger.ts'
import type { Store } from '../core/store.ts'
import type { TargetDriver } from '../core/driver.ts'
import { Metrics } from '../http/metrics.ts'
import { allowEverything, type TimedPolicy } from '../policy/compile-policy.ts'
import { openPolicyFile } from '../policy/policy-file.ts'
import { PolicySimulator } from '../policy/simulate.ts'
import { DiskReserve } from '../evidence/disk-reserve.ts'
import { DiskSpace } from '../evidence/disk-space.ts'
import { DirectoryRecordings } from '../evidence/recordings.ts'
import type { RecoveryOptions } from '../sessions/life/recovery.ts'
import { takeUp } from '../sessions/life/take-up.ts'
import { Screens } from '../sessions/terminal/screens.ts'
import { withoutGuard } from '../drivers/shared/guard-script.ts'
import { SessionRegistry } from '../sessions/life/session-registry.ts'
import type { SessionObserver } from '../sessions/sessions.ts'
import { watchForSuspension } from '../sessions/life/suspension.ts'
import { findLostRecordings, reap, sealLeftovers, type Tried } from '../sessions/life/upkeep.ts'
import { DirectoryBlobs } from '../blobs/directory.ts'
import { secretFiles } from '../store/secret-files.ts'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { createDrivers, createOwnDriver, type CreateDriver } from './create-drivers.ts'
import { createRunbooks } from './runbooks.ts'
import { createApprovals } from './serve-approvals.ts'
import { createSample } from './serve-docker.ts'
import { readingDeps } from './serve-recordings.ts'
import { version } from './version.ts'

/** A start may have to pull an image over a slow line. */
const startTimeoutMs = 15 * 60_000
const upkeepEveryMs = 60_000
/** Room for what must still be written on a full disk: thousands of events. */
const reserveBytes = 16 * 1024 ** 2
/** Recovery holds up the first request this long at most; it goes on afterwards. */
const recoverBeforeListeningMs = 3_000

/** A running gateway. */
export interface Gateway {
  /** Where browsers reach it. */
  url: string
  /** Signs in once; absent when only configured issuers may sign people in. */
  signInLink?: string
  /** Lets viewers go, flushes, and keeps debug containers running for the next process. */
  close(): Promise<void>
}

/**
 * Wires everything and listens. Throws HatchwayError, ConfigError, or the system's error when the port is taken.
 * `createDriver` is there for benchmarks that replace the engine by a scripted terminal.
 */
export async function serve(config: Config, createDriver: CreateDriver = createOwnDriver): Promise<Gateway> {
  const logger = openLog(config)
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const secrets = secretFiles(join(config.dataDir, 'secrets'))
  const { store, space } = await openStorage(config)
  const audit = createAuditTrail(store)
  const ledger = createSessionLedger(store)
  const policy = await openPolicy(config, audit, logger)
  const installation = await secrets('installation-id', () => randomBytes(8).toString('hex'))
  const drivers = await createDrivers(config, installation, createDriver)
  const parts = createSessions(config, { store: ledger, drivers, installation, logger, policy, space })
  const { registry, recordings, recovery } = parts
  const onRenewed = (who: Principal) => registry.signedInAgain(who)
  const { auth, signInCode } = await createGatewayAuth(config, { store, audit, secrets, logger, onRenewed })
  const approvals = createApprovals(config, { store: ledger, drivers, logger, registry, policy })
  const sample = createSample(config, drivers)
  const app = await buildApp({
    drivers,
    toolboxes: config.toolboxes,
    runbooks: createRunbooks(config.runbooks),
    ...policyDeps(policy),
    store,
    blobs: parts.blobs,
    recordings,
    sessions: registry,
    approvals: approvals.desk,
    auth,
    ...readingDeps(recordings),
    metrics: parts.metrics,
    ...withoutUndefined({ sample }),
    ...fromConfig(config),
    logger,
    webRoot: fileURLToPath(new URL('../../web/dist', import.meta.url)),
    version,
  })
  const stop = new AbortController()
  const recovered = takeUp(recovery, approvals, stop.signal)
  await Promise.race([recovered, patience(recoverBeforeListeningMs)])
  await app.listen({ host: config.listen.host, port: config.listen.port })
  const upkeep = upkeepFromNowOn(recovery, recovered)
  watchForSuspension((seconds) => registry.suspended(seconds), stop.signal)
  const url = config.publicUrl ?? addressOf(config.listen.host, app.server.address())
  const signInLink = signInCode === undefined ? undefined : `${url}/signin#code=${signInCode}`
  return {
    ...withoutUndefined({ url, signInLink }),
    async close() {
      clearInterval(upkeep)
      stop.abort()
      approvals.close()
      await registry.drain()
      await app.close()
      policy.close()
      for (const driver of drivers.values()) driver.close()
      await parts.screens.close()
      await space.stop()
      await store.close()
    },
  }
}

/** The store, and the room for it and for recordings: database, live and sealed recordings may be on disks of their own. */
async function openStorage({ dataDir, recordings }: Config): Promise<{ store: Store; space: DiskSpace }> {
  const reserve = new DiskReserve(join(dataDir, 'reserve'), reserveBytes)
  const others = [dataDir, join(dataDir, 'blobs')]
  const { minFree } = recordings
  const space = new DiskSpace({ liveDir: join(dataDir, 'live'), others, minFree, reserve })
  const onFull = () => reserve.release()
  const store = await openSqliteStore({ path: join(dataDir, 'hatchway.db'), onFull })
  await space.start()
  return { store, space }
}

/** The log, which begins with what an operator should know of this installation. */
function openLog(config: Config): Logger {
  const logger = pino({ level: config.logLevel, base: null }, pino.destination(2))
  logger.debug({ config: redactConfig(config) }, 'configuration')
  const unguarded = withoutGuard(process.arch)
  if (unguarded !== undefined) logger.warn(unguarded)
  return logger
}

interface SessionParts {
  space: DiskSpace
  store: SessionLedger
  drivers: ReadonlyMap<string, TargetDriver>
  installation: string
  logger: Logger
  policy: TimedPolicy
}

function createSessions(
  config: Config,
  { store, drivers, installation, logger, policy, space }: SessionParts,
) {
  const blobs = new DirectoryBlobs(join(config.dataDir, 'blobs'))
  const recordings = new DirectoryRecordings({
    liveDir: join(config.dataDir, 'live'),
    blobs,
    space,
    maxBytes: config.recordings.maxBytes,
  })
  const metrics = new Metrics()
  const screens = new Screens()
  const registry = new SessionRegistry({
    store,
    recordings,
    screens,
    installation,
    observer: observe(metrics, logger),
    detachedGraceMs: config.limits.detachedGraceMs,
    reattachForMs: config.limits.reattachMs,
    startTimeoutMs,
    judge: (at) => createSessionJudge(policy.at(at)),
    limits: config.limits,
  })
  const recovery: RecoveryOptions = {
    store,
    recordings,
    drivers,
    registry,
    reattachForMs: config.limits.reattachMs,
    onProblem: (what, cause) => logger.warn({ err: cause }, what),
  }
  return { blobs, recordings, metrics, screens, registry, recovery }
}

function fromConfig(
  config: Config,
): Pick<AppParts, 'publicUrl' | 'listen' | 'trustProxy' | 'metricsToken' | 'rates'> {
  const { listen, trustProxy, publicUrl, metrics, limits } = config
  return withoutUndefined({ listen, trustProxy, rates: limits, publicUrl, metricsToken: metrics.token })
}

/** A policy, and whom to tell when it has changed. */
interface FollowedPolicy extends TimedPolicy {
  readonly changes: (() => void)[]
  close(): void
}

function policyDeps(
  policy: FollowedPolicy,
): Pick<AppParts, 'policy' | 'policyAt' | 'simulatePolicy' | 'onPolicyChange'> {
  const simulator = new PolicySimulator()
  return {
    policy: () => policy.at(new Date()),
    policyAt: (moment) => policy.at(moment),
    simulatePolicy: (text, request, moment) => simulator.simulate({ text, request, moment }),
    onPolicyChange: (listener) => policy.changes.push(listener),
  }
}

async function openPolicy(config: Config, audit: AuditTrail, logger: Logger): Promise<FollowedPolicy> {
  const changes: (() => void)[] = []
  if (config.policy === undefined) return { ...allowEverything, changes, close: () => undefined }
  const note = async (version: string) => {
    await audit.record({ kind: 'policy-loaded', detail: { version } })
  }
  const closed = new AbortController()
  const file = await openPolicyFile({
    path: config.policy,
    beforeReload: note,
    onReload: (version) => {
      logger.info({ version }, 'policy reloaded')
      for (const changed of changes) changed()
    },
    onError: (problem) => logger.error(`The policy stays as it was: ${problem.message}`),
  })
  // A store that takes nothing at the start keeps nobody from what can be read; nothing is opened or shown without it.
  const { version: first } = file
  const onFailure = (cause: unknown) => logger.error({ err: cause }, 'the policy could not be audited')
  await Promise.race([untilDone(() => note(first), { signal: closed.signal, onFailure }), patience(1_000)])
  return {
    get version() {
      return file.version
    },
    at: (moment) => file.at(moment),
    changes,
    close: () => {
      closed.abort()
      file.close()
    },
  }
}

function observe(metrics: Metrics, logger: Logger): SessionObserver {
  return {
    started: (environment, ms) => {
      metrics.countStart(environment, 'running')
      metrics.observePrompt(environment, ms / 1000)
    },
    startFailed: (environment, cause) => {
      metrics.countStart(environment, cause instanceof HatchwayError ? cause.code : 'internal')
      logger.warn({ err: cause, environment }, 'a session could not be started')
    },
    ended: (reason) => metrics.countEnd(reason),
    output: (bytes) => metrics.countOutput(bytes),
    endFailed: (sessionId, cause) => {
      logger.error(
        { err: cause, sessionId },
        `something of a session's end did not work: ${messageOf(cause)}`,
      )
    },
  }
}

/** Keeps no process alive. */
function patience(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}

/** It waits for recovery, which decides which debug containers and recordings are claimed. */
function upkeepFromNowOn(recovery: RecoveryOptions, recovered: Promise<void>): NodeJS.Timeout {
  const tried: Tried = new Map()
  let isUnderWay = true
  const upkeep = async () => {
    isUnderWay = true
    try {
      await sealLeftovers(recovery)
      await reap(recovery, tried)
    } finally {
      isUnderWay = false
    }
  }
  void recovered.then(upkeep).then(() => findLostRecordings(recovery))
  // A round that takes longer than that is not followed by those that it kept waiting.
  const timer = setInterval(() => void (isUnderWay || upkeep()), upkeepEveryMs)
  return timer.unref()
}

function addressOf(host: string, address: string | { port: number } | null): string {
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
