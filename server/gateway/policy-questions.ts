/** Why, and why not: what policy says to one question, and what a changed policy would say. */
import type { AuditTrail } from '../core/audit-trail.ts'
import { ConfigError } from '../core/config-error.ts'
import { HatchwayError } from '../core/errors.ts'
import type { Explanation, Policy, PolicyRequest, Principal } from '../core/policy.ts'
import type { Action } from '../core/vocabulary.ts'
import { personKey, personOf } from '../core/same-person.ts'
import { policyTargetOf } from '../core/session-policy.ts'
import type { Profile } from '../core/vocabulary.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { auditDenied } from './audit-trail.ts'
import type { Caller } from './caller.ts'
import { findTarget, type FindTargetDeps } from './find-target.ts'
import { nonBlank } from './non-blank.ts'
import { may } from './permissions.ts'
import type { PersonBudgets } from './person-budgets.ts'

export interface PolicyQuestion {
  /** A target reference. */
  target?: string | undefined
  action: Action
  toolbox?: string | undefined
  profile?: Profile | undefined
  reason?: string | undefined
  ticket?: string | undefined
  /** Another moment than now. */
  at?: Date | undefined
}

/** Whom the question is about. */
export interface Somebody {
  subject: string
  groups: readonly string[]
}

/** Without `missed` where the caller may not know all that policy says to anybody. */
export type PolicyAnswer = Omit<Explanation, 'missed'> &
  Partial<Pick<Explanation, 'missed'>> & { version: string }

export interface PolicySimulator {
  /**
   * What a policy file's text would say to a question, away from the event loop. Throws ConfigError with its problems, and `timeout`
   * when it takes too long.
   */
  (text: string, request: PolicyRequest, moment: Date): Promise<{ version: string; explanation: Explanation }>
}

export interface PolicyQuestionsDeps extends FindTargetDeps {
  /** As it decides at another moment. */
  policyAt: (moment: Date) => Policy
  simulatePolicy: PolicySimulator
  audit: AuditTrail
  budgets: Pick<PersonBudgets, 'simulations'>
}

export interface PolicyQuestions {
  mayReadAudit(who: Principal): boolean
  /** Without `about`, what policy says to the caller. Throws `forbidden`, audited, where somebody else is not theirs to ask about. */
  answer(
    caller: Caller,
    question: PolicyQuestion,
    about: Somebody | undefined,
    signal: AbortSignal,
  ): Promise<PolicyAnswer>
  /** `after` is absent when the text has problems. */
  simulate(
    caller: Caller,
    text: string,
    question: PolicyQuestion,
    about: Somebody,
    signal: AbortSignal,
  ): Promise<{ before: PolicyAnswer; after?: PolicyAnswer; problems: ConfigError['problems'] }>
}

export function createPolicyQuestions(deps: PolicyQuestionsDeps): PolicyQuestions {
  /** Whose simulation is under way. */
  const busy = new Set<string>()
  return {
    mayReadAudit: (who) => may(deps.policy(), who, 'read-audit'),
    async answer(caller, question, about, signal) {
      if (about !== undefined) await needAuditRight(deps, caller)
      const request = await toRequest(deps, caller.who, about ?? caller.who, question, signal)
      if (about !== undefined)
        await auditQuestion(deps.audit, caller, 'policy-explained', question, about.subject)
      const policy = deps.policyAt(question.at ?? new Date())
      const mayKnowAll = about !== undefined || may(deps.policy(), caller.who, 'read-audit')
      return answerOf(policy.version, policy.explain(request), mayKnowAll)
    },
    async simulate(caller, text, question, about, signal) {
      await needAuditRight(deps, caller)
      deps.budgets.simulations.spend(caller.who)
      const request = await toRequest(deps, caller.who, about, question, signal)
      await auditQuestion(deps.audit, caller, 'policy-simulated', question, about.subject)
      const moment = question.at ?? new Date()
      const now = deps.policyAt(moment)
      const before = answerOf(now.version, now.explain(request), true)
      try {
        const { version, explanation } = await oneAtATime(busy, caller.who, () =>
          deps.simulatePolicy(text, request, moment),
        )
        return { before, after: answerOf(version, explanation, true), problems: [] }
      } catch (cause) {
        if (!(cause instanceof ConfigError)) throw cause
        return { before, problems: cause.problems }
      }
    },
  }
}

/** A policy takes a core for seconds: nobody has two of them read at once. Throws `too_many_requests`. */
async function oneAtATime<T>(busy: Set<string>, who: Principal, work: () => Promise<T>): Promise<T> {
  const key = personKey(who)
  if (busy.has(key))
    throw new HatchwayError(
      'too_many_requests',
      'Another simulation of yours is under way. Try again when it has answered.',
    )
  busy.add(key)
  try {
    return await work()
  } finally {
    busy.delete(key)
  }
}

/** Before the answer: whoever asks about others has left a trace. */
async function auditQuestion(
  audit: AuditTrail,
  { who, from }: Caller,
  kind: 'policy-simulated' | 'policy-explained',
  { action, target }: PolicyQuestion,
  user: string,
): Promise<void> {
  await audit.record(withoutUndefined({ kind, who: personOf(who), from, action, target, detail: { user } }))
}

/** What policy says to others is for those who may read what it said to them. Throws `forbidden`, audited. */
async function needAuditRight(
  { policy, audit }: Pick<PolicyQuestionsDeps, 'policy' | 'audit'>,
  caller: Caller,
): Promise<void> {
  const decision = policy().decide({ who: caller.who, action: 'read-audit' })
  if (decision.effect === 'allow') return
  await auditDenied(audit, { caller, action: 'read-audit', rules: decision.rules })
  throw new HatchwayError(
    'forbidden',
    'What policy says to others is shown to those who may read the audit log.',
  )
}

/** Throws `target_not_found` for a target that the caller may not see, whoever the question is about. */
async function toRequest(
  deps: FindTargetDeps,
  caller: Principal,
  { subject, groups }: Somebody,
  { target, action, toolbox, profile, reason, ticket }: PolicyQuestion,
  signal: AbortSignal,
): Promise<PolicyRequest> {
  const found = target === undefined ? undefined : await findTarget(deps, caller, target, {}, signal)
  return withoutUndefined({
    who: { subject, groups },
    action,
    target: found && policyTargetOf(found.target),
    toolbox,
    profile,
    reason: nonBlank(reason),
    ticket: nonBlank(ticket),
  })
}

/** Rules about other targets are left out unless the caller may know all that policy said to anybody. */
function answerOf(
  version: string,
  { missed, ...explanation }: Explanation,
  mayKnowAll: boolean,
): PolicyAnswer {
  return { ...explanation, version, ...(mayKnowAll && { missed }) }
}
