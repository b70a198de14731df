/** Why, and why not: what policy says to one question, and what a changed policy would say. */
import { ConfigError } from '../core/config-error.ts'
import { HatchwayError } from '../core/errors.ts'
import type { Explanation, Policy, PolicyRequest, Principal } from '../core/policy.ts'
import { personKey, personOf } from '../core/same-person.ts'
import { policyTargetOf } from '../core/session-policy.ts'
import {
  explainQuery,
  policyExplanation,
  policySimulation,
  simulatePolicy,
  type PolicyExplanation,
} from '../protocol/approval-api.ts'
import type { z } from 'zod'
import { describeTerms } from './api-approval.ts'
import { callerOf, type Caller } from './authenticate.ts'
import { callerSignal } from './caller-signal.ts'
import type { AppDeps } from './deps.ts'
import { defined } from '../core/without-undefined.ts'
import { findTarget } from '../gateway/find-target.ts'
import { problems } from './openapi.ts'
import { auditDenied, may } from '../gateway/permissions.ts'
import { said } from '../gateway/non-blank.ts'
import type { PersonBudgets } from '../gateway/person-budgets.ts'
import type { TypedApp } from './typed-app.ts'

type Question = Omit<z.infer<typeof explainQuery>, 'user' | 'groups'>

/** A policy file may have 1 MiB. */
const simulateBodyBytes = 2 * 1024 * 1024

export function registerPolicyRoutes(app: TypedApp, deps: AppDeps, budgets: PersonBudgets): void {
  app.get(
    '/api/v1/policy/explain',
    {
      schema: {
        operationId: 'explainPolicy',
        summary: 'What policy says to the caller, or to somebody else, and why',
        querystring: explainQuery,
        response: { 200: policyExplanation, ...problems(400, 401, 403, 404, 409, 429, 503, 504) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { user, groups, ...question } = request.query
      if (user === undefined && groups !== undefined)
        throw new HatchwayError('invalid_request', '`groups` are those of `user`: name one.')
      if (user !== undefined) await needAuditRight(deps, caller)
      const who =
        user === undefined ? caller.who : { subject: user, groups: (groups ?? '').split(',').filter(Boolean) }
      const asked = await toRequest(deps, caller.who, who, question, callerSignal(request))
      if (user !== undefined) await auditQuestion(deps, caller, 'policy-explained', { ...question, user })
      const policy = deps.policyAt(momentOf(question))
      const mayKnowAll = user !== undefined || may(deps.policy(), caller.who, 'read-audit')
      return describeExplanation(policy, policy.explain(asked), mayKnowAll)
    },
  )
  registerSimulation(app, deps, budgets)
}

function registerSimulation(app: TypedApp, deps: AppDeps, budgets: PersonBudgets): void {
  /** Whose simulation is under way. */
  const busy = new Set<string>()
  app.post(
    '/api/v1/policy/simulate',
    {
      bodyLimit: simulateBodyBytes,
      schema: {
        operationId: 'simulatePolicy',
        summary: 'What the policy in force and a changed policy file say to one question',
        body: simulatePolicy,
        response: { 200: policySimulation, ...problems(400, 401, 403, 404, 409, 413, 429, 503, 504) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      await needAuditRight(deps, caller)
      budgets.simulations.spend(reply, caller.who)
      const { policy: text, user, groups, ...question } = request.body
      const asked = await toRequest(
        deps,
        caller.who,
        { subject: user, groups },
        question,
        callerSignal(request),
      )
      await auditQuestion(deps, caller, 'policy-simulated', { ...question, user })
      const moment = momentOf(question)
      const now = deps.policyAt(moment)
      const before = describeExplanation(now, now.explain(asked), true)
      try {
        const { version, explanation } = await oneAtATime(busy, caller.who, () =>
          deps.simulatePolicy(text, asked, moment),
        )
        return { before, after: describeExplanation({ version }, explanation, true), problems: [] }
      } catch (cause) {
        if (!(cause instanceof ConfigError)) throw cause
        return { before, problems: cause.problems.map((problem) => ({ ...problem })) }
      }
    },
  )
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
  deps: AppDeps,
  { who, from }: Caller,
  kind: 'policy-simulated' | 'policy-explained',
  { action, target, user }: Question & { user: string },
): Promise<void> {
  await deps.store.appendAudit(defined({ kind, who: personOf(who), from, action, target, detail: { user } }))
}

/** What policy says to others is for those who may read what it said to them. Throws `forbidden`, audited. */
async function needAuditRight(deps: AppDeps, caller: Caller): Promise<void> {
  const decision = deps.policy().decide({ who: caller.who, action: 'read-audit' })
  if (decision.effect === 'allow') return
  await auditDenied(deps.store, { caller, action: 'read-audit', rules: decision.rules })
  throw new HatchwayError(
    'forbidden',
    'What policy says to others is shown to those who may read the audit log.',
  )
}

/** Throws `target_not_found` for a target that the caller may not see, whoever the question is about. */
async function toRequest(
  deps: AppDeps,
  caller: Principal,
  who: PolicyRequest['who'],
  { target, action, toolbox, profile, reason, ticket }: Question,
  signal: AbortSignal,
): Promise<PolicyRequest> {
  const found = target === undefined ? undefined : await findTarget(deps, caller, target, {}, signal)
  return defined({
    who: { subject: who.subject, groups: who.groups },
    action,
    target: found && policyTargetOf(found.target),
    toolbox,
    profile,
    reason: said(reason),
    ticket: said(ticket),
  })
}

function momentOf({ at }: Question): Date {
  return at === undefined ? new Date() : new Date(at)
}

/** Rules about other targets are left out unless the caller may know all that policy said to anybody. */
function describeExplanation(
  policy: Pick<Policy, 'version'>,
  { decision, matching, near, missed }: Explanation,
  mayKnowAll: boolean,
): PolicyExplanation {
  const { effect, rules } = decision
  const described = {
    effect,
    rules: [...rules],
    matching: [...matching],
    near: [...near],
    ...(mayKnowAll && { missed: missed.map((rule) => ({ ...rule, lacks: [...rule.lacks] })) }),
    policyVersion: policy.version,
  }
  if (decision.effect === 'deny') {
    return { ...described, code: decision.code, explanation: decision.explanation }
  }
  const { toolboxes, profiles, reasonPatterns, ticketPatterns, maxDurationMs, idleTimeoutMs, ...flags } =
    decision.grant
  return {
    ...described,
    grant: {
      ...flags,
      ...(toolboxes !== undefined && { toolboxes: [...toolboxes] }),
      profiles: [...profiles],
      reasonPatterns: [...reasonPatterns],
      ticketPatterns: [...ticketPatterns],
      maxDurationSeconds: Math.floor(maxDurationMs / 1000),
      idleTimeoutSeconds: Math.floor(idleTimeoutMs / 1000),
    },
    ...(decision.effect === 'require-approval' && { approval: describeTerms(decision.approval) }),
  }
}
