import { createHash } from 'node:crypto'
import type { Policy } from '../core/policy.ts'
import { atOnce, inTurns } from '../core/steps.ts'
import { profiles } from '../core/vocabulary.ts'
import { decide } from './decide.ts'
import { findMissed, findNear } from './explain.ts'
import { compileRules, type RuleSet } from './match-rule.ts'
import { parsePolicy } from './parse-policy.ts'
import { reachOf } from './reach.ts'
import { defaultLimits, type Rule } from './rule.ts'

/** A policy whose rules may hold at some times only: asked for a moment, it decides as it does then. */
export interface TimedPolicy {
  /** Hash of the source. */
  readonly version: string
  at(moment: Date): Policy
}

export interface RulePolicy extends TimedPolicy {
  readonly ruleCount: number
}

/** Makes rules ready to decide. `version` names their source, in audit events. */
export function compilePolicy(rules: readonly Rule[], version: string): RulePolicy {
  return policyOf(atOnce(compileRules(rules)), version)
}

/** The same in turns of the event loop, between which others have theirs. */
export async function compileInTurns(rules: readonly Rule[], version: string): Promise<RulePolicy> {
  return policyOf(await inTurns(compileRules(rules)), version)
}

function policyOf(set: RuleSet, version: string): RulePolicy {
  return {
    version,
    ruleCount: set.all.length,
    at: (moment) => ({
      version,
      decide: (request) => decide(set, request, moment),
      reach: (who, actions) => reachOf(set.all, who, actions),
      explain: (request) => {
        const matching = set.matching(request, moment)
        return {
          decision: decide(set, request, moment),
          matching: matching.map(({ rule: { name, effect } }) => ({ name, effect })),
          near: findNear(set.all, request, moment),
          missed: findMissed(set.all, matching, request, moment),
        }
      },
    }),
  }
}

/** From the text of a policy file; its version is the text's SHA-256. Throws ConfigError with every problem. */
export function policyFromText(text: string, file?: string): RulePolicy {
  return compilePolicy(parsePolicy(text, file), createHash('sha256').update(text).digest('hex'))
}

const everything = {
  profiles,
  requireReason: false,
  requireTicket: false,
  reasonPatterns: [],
  ticketPatterns: [],
  copies: true,
  maxDurationMs: defaultLimits.maxDurationMs,
  idleTimeoutMs: defaultLimits.idleTimeoutMs,
  recordInput: false,
  exclusive: false,
  recording: 'strict',
} as const

const ownerDecides = { effect: 'allow', rules: ['local user'], grant: everything } as const

/** For the start without a configuration: whoever holds the one-time link owns the engine anyway. */
export const allowEverything: TimedPolicy = {
  version: 'built-in',
  at: () => ({
    version: 'built-in',
    decide: () => ownerDecides,
    explain: () => ({
      decision: ownerDecides,
      matching: [{ name: 'local user', effect: 'allow' }],
      near: [],
      missed: [],
    }),
  }),
}
