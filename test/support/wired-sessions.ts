import { join } from 'node:path'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import type { Store } from '../../server/core/store.ts'
import { DirectoryRecordings } from '../../server/evidence/recordings.ts'
import { createSessionJudge } from '../../server/gateway/session-judge.ts'
import { createSessionLedger } from '../../server/gateway/session-ledger.ts'
import type { TimedPolicy } from '../../server/policy/compile-policy.ts'
import { SessionRegistry, type RegistryOptions } from '../../server/sessions/life/session-registry.ts'

export interface WiredSessionsOptions extends Pick<RegistryOptions, 'screens' | 'observer'> {
  directory: string
  store: Store
  policy: Pick<TimedPolicy, 'at'>
  limits?: RegistryOptions['limits']
  /** Default: in the directory, without a limit. */
  recordings?: DirectoryRecordings
}

/** Sessions and what they need, wired as a gateway wires them, with their data in one directory. */
export function wireSessions({
  directory,
  policy,
  limits = { sessions: 500, sessionsPerUser: 100 },
  ...options
}: WiredSessionsOptions) {
  const blobs = new DirectoryBlobs(join(directory, 'blobs'))
  const recordings =
    options.recordings ?? new DirectoryRecordings({ liveDir: join(directory, 'live'), blobs })
  const ledger = createSessionLedger(options.store)
  const registry = new SessionRegistry({
    store: ledger,
    recordings,
    screens: options.screens,
    installation: 'test',
    observer: options.observer,
    detachedGraceMs: 3_600_000,
    reattachForMs: 60_000,
    startTimeoutMs: 10_000,
    judge: (at) => createSessionJudge(policy.at(at)),
    limits,
  })
  return { registry, recordings, blobs, ledger }
}
