import type { Config } from '../config/config.ts'
import type { PolicyTarget } from '../core/policy.ts'
import type { Runbook } from '../core/runbook.ts'
import { compileWhere } from '../policy/match-target.ts'

/**
 * The runbooks for a target, in the order of the configuration. What a pod merely claims to be part of brings it none:
 * anybody who makes a pod can claim.
 */
export function createRunbooks(configured: Config['runbooks']): (target: PolicyTarget) => readonly Runbook[] {
  const compiled = configured.map(({ where, ...runbook }) => ({ runbook, fits: compileWhere(where) }))
  return (target) => compiled.filter(({ fits }) => fits(target)).map(({ runbook }) => runbook)
}
