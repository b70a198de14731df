/** Real sessions, recordings and store in this process, over a host in memory: for faults that no engine makes on demand. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Principal } from '../../server/core/policy.ts'
import type { SessionRow } from '../../server/core/session.ts'
import { DirectoryRecordings } from '../../server/evidence/recordings.ts'
import type { TimedPolicy } from '../../server/policy/compile-policy.ts'
import type { DebugSession } from '../../server/sessions/life/debug-session.ts'
import { recoverSessions, type RecoveryOptions } from '../../server/sessions/life/recovery.ts'
import { Screens } from '../../server/sessions/terminal/screens.ts'
import type { SessionRegistry } from '../../server/sessions/life/session-registry.ts'
import type { OpenRequest } from '../../server/sessions/sessions.ts'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import { MemoryDriver } from '../drivers/memory-driver.ts'
import { hostInMemory, type MemoryHost } from '../drivers/memory-host.ts'
import { ScriptedPrograms, type ScriptedProgram } from '../drivers/scripted-program.ts'
import { eventually } from './eventually.ts'
import type { Cleanup } from './cleanup.ts'
import { grant } from './grant.ts'
import { everybodyMayAll, policyOf } from './policies.ts'
import { RefusingStore } from './refusing-store.ts'
import { wireSessions } from './wired-sessions.ts'

export const jane: Principal = {
  subject: 'jane',
  name: 'Jane',
  groups: ['admins'],
  issuer: 'https://issuer.example',
  expiresAt: new Date(Date.now() + 3_600_000),
}

export interface SessionGround {
  directory: string
  refusing: RefusingStore
  /** Its containers, and its faults. */
  host: MemoryHost
  programs: ScriptedPrograms
  driver: MemoryDriver
  recordings: DirectoryRecordings
  registry: SessionRegistry
  recovery: RecoveryOptions
  problems: string[]
  /** Opens a session that runs. */
  open(change?: Partial<OpenRequest>): Promise<{ session: DebugSession; program: ScriptedProgram }>
  /** Another process on the same data, without what this one holds in memory. */
  next(): SessionGround
  /** Takes over what the process before it left. */
  recover(): Promise<void>
  row(id: string): Promise<SessionRow>
}

export interface GroundOptions {
  /** Default: everything is allowed. */
  policy?: Pick<TimedPolicy, 'at'>
  recordings?: (directory: string) => DirectoryRecordings
  limits?: { sessions: number; sessionsPerUser: number }
}

/** Everything in it is gone when the test ends. */
export async function sessionGround(t: Cleanup, options: GroundOptions = {}): Promise<SessionGround> {
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-sessions-'))
  const real = await openSqliteStore({ path: join(directory, 'rows.db') })
  const screens = new Screens()
  const programs = new ScriptedPrograms()
  const host = hostInMemory('local', programs, ['web-1', 'web-2'])
  const grounds: SessionGround[] = []
  t.after(async () => {
    for (const { registry, refusing } of grounds) {
      refusing.refuse()
      await registry.drain()
    }
    await screens.close()
    await real.close()
    await rm(directory, { recursive: true })
  })
  const make = (): SessionGround => {
    const refusing = new RefusingStore(real)
    const problems: string[] = []
    const { registry, recordings, ledger } = wireSessions({
      directory,
      store: refusing.store,
      screens,
      policy: options.policy ?? policyOf(everybodyMayAll),
      limits: options.limits ?? { sessions: 5, sessionsPerUser: 5 },
      ...(options.recordings && { recordings: options.recordings(directory) }),
      observer: {
        started: () => undefined,
        startFailed: (_environment, cause) => problems.push(`start: ${String(cause)}`),
        ended: () => undefined,
        output: () => undefined,
        endFailed: (id, cause) => problems.push(`end of ${id}: ${String(cause)}`),
      },
    })
    const onProblem = (what: string, cause: unknown) => problems.push(`${what}: ${String(cause)}`)
    const driver = new MemoryDriver(host, 'test')
    const drivers = new Map([['local', driver]])
    const recovery = { store: ledger, recordings, drivers, registry, reattachForMs: 1000, onProblem }
    const ground: SessionGround = {
      directory,
      refusing,
      host,
      programs,
      driver,
      recordings,
      registry,
      recovery,
      problems,
      open: (change = {}) => open(ground, change),
      next: make,
      recover: () => recoverSessions(recovery, new AbortController().signal),
      row: async (id) => {
        const row = await real.getSession(id)
        if (row === undefined) throw new Error(`no row of ${id}`)
        return row
      },
    }
    grounds.push(ground)
    return ground
  }
  return make()
}

/** For {@link GroundOptions}: each recording takes no more than so many bytes. */
export function recordingsUpTo(maxBytes: number): NonNullable<GroundOptions['recordings']> {
  return (directory) =>
    new DirectoryRecordings({
      liveDir: join(directory, 'live'),
      blobs: new DirectoryBlobs(join(directory, 'blobs')),
      maxBytes,
    })
}

/** Jane's, for the first target. */
export function openRequest(
  { host, driver }: Pick<SessionGround, 'host' | 'driver'>,
  change: Partial<OpenRequest> = {},
): OpenRequest {
  const [target] = host.targets
  if (target === undefined) throw new Error('no target')
  return {
    kind: 'terminal',
    detail: {},
    who: jane,
    from: '127.0.0.1',
    ref: 'local/web-1',
    target,
    driver,
    toolbox: { name: 'busybox', image: 'busybox:1', shell: ['/bin/sh'] },
    profile: 'auto',
    grant,
    rules: ['scripted'],
    size: { cols: 80, rows: 24 },
    ...change,
  }
}

async function open(ground: SessionGround, change: Partial<OpenRequest>) {
  const { programs, registry } = ground
  const { id } = await registry.open(openRequest(ground, change))
  const session = registry.live(id)
  if (session === undefined) throw new Error('it is not live')
  await eventually(async () => (await ground.row(id)).target.resolved.imageDigest !== undefined, {
    what: 'the session to run',
  })
  const program = programs.started.get(id)
  if (program === undefined) throw new Error('it has no program')
  return { session, program }
}
