import { createHash } from 'node:crypto'
import type { Policy, PolicyRequest } from '../core/policy.ts'
import { profiles } from '../core/target.ts'
import { decide } from './decide.ts'
import { createRuleSet } from './match-rule.ts'
import { parsePolicy } from './parse-policy.ts'
import { defaultLimits, type Rule } from './rule.ts'

/** A policy that can also say which rules a request meets, whatever the outcome. */
export interface RulePolicy extends Policy {
  readonly ruleCount: number
  match(request: PolicyRequest): Pick<Rule, 'name' | 'effect'>[]
}

/** Makes rules ready to decide. `version` names their source, in audit events. */
export function compilePolicy(rules: readonly Rule[], version: string): RulePolicy {
  const set = createRuleSet(rules)
  return {
    version,
    ruleCount: rules.length,
    decide: (request) => decide(set, request),
    match: (request) => set.matching(request),
  }
}

/** From the text of a policy file; its version is the text's SHA-256. Throws ConfigError with every problem. */
export function policyFromText(text: string, file?: string): RulePolicy {
  return compilePolicy(parsePolicy(text, file), createHash('sha256').update(text).digest('hex'))
}

/** For the start without a configuration: whoever holds the one-time link owns the engine anyway. */
export const allowEverything: Policy = {
  version: 'built-in',
  decide: () => ({ effect: 'allow', rules: ['local user'], grant: everything }),
}

const everything = {
  profiles,
  requireReason: false,
  copies: true,
  maxDurationMs: defaultLimits.maxDurationMs,
  idleTimeoutMs: defaultLimits.idleTimeoutMs,
  recordInput: false,
  recording: 'strict',
} as const
