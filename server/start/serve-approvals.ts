import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { SessionLedger } from '../core/session-ledger.ts'
import type { TargetDriver } from '../core/driver.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { createSessionJudge } from '../gateway/session-judge.ts'
import { Webhooks } from '../notifications/webhooks.ts'
import type { TimedPolicy } from '../policy/compile-policy.ts'
import { SessionApprovals } from '../sessions/life/approvals.ts'
import type { SessionRegistry } from '../sessions/life/session-registry.ts'
import type { Approvals } from '../sessions/sessions.ts'

/** Rules may hold at some times only, so everything that lives is judged again as often. */
const recheckEveryMs = 60_000

interface Parts {
  store: SessionLedger
  drivers: ReadonlyMap<string, TargetDriver>
  logger: Logger
  registry: SessionRegistry
  policy: TimedPolicy & { readonly changes: (() => void)[] }
}

/** Requests, their notifications, and the judgement again of everything that lives: each minute and when policy changes. */
export function createApprovals(
  config: Config,
  { store, drivers, logger, registry, policy }: Parts,
): { desk: Approvals; restore(signal: AbortSignal): Promise<void>; close(): void } {
  const { publicUrl } = config
  const onFailure = (to: string, cause: unknown) =>
    logger.warn({ err: cause, to }, 'a notification could not be delivered')
  const webhooks = new Webhooks(withoutUndefined({ hooks: config.notifications, publicUrl, onFailure }))
  const desk = new SessionApprovals({
    store,
    registry,
    drivers,
    toolboxes: config.toolboxes,
    judge: (at) => createSessionJudge(policy.at(at)),
    notify: (notification) => webhooks.notify(notification),
    expiresAfterMs: config.approvals.expiresAfterMs,
    onProblem: (what, cause) => logger.warn({ err: cause }, what),
  })
  const recheck = () => {
    registry.recheck()
    void desk.recheck()
  }
  policy.changes.push(recheck)
  const timer = setInterval(recheck, recheckEveryMs).unref()
  return {
    desk,
    restore: (signal: AbortSignal) => desk.restore(signal),
    close: () => {
      clearInterval(timer)
      desk.close()
      webhooks.close()
    },
  }
}
