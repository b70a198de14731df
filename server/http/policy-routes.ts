/** Why, and why not: what policy says to one question, and what a changed policy would say. */
import { HatchwayError } from '../core/errors.ts'
import type { Grant } from '../core/policy.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { PolicyAnswer, PolicyQuestions } from '../gateway/policy-questions.ts'
import {
  explainQuery,
  policyExplanation,
  policySimulation,
  simulatePolicy,
  type PolicyExplanation,
} from '../protocol/approval-api.ts'
import { describeTerms } from './api-approval.ts'
import { callerOf } from './authenticate.ts'
import { callerSignal } from './caller-signal.ts'
import { problems } from './openapi.ts'
import type { TypedApp } from './typed-app.ts'

/** A policy file may have 1 MiB. */
const simulateBodyBytes = 2 * 1024 * 1024

export function registerPolicyRoutes(app: TypedApp, questions: PolicyQuestions): void {
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
      const { user, groups, at, ...question } = request.query
      if (user === undefined && groups !== undefined)
        throw new HatchwayError('invalid_request', '`groups` are those of `user`: name one.')
      const about = user === undefined ? undefined : { subject: user, groups: wordsOf(groups) }
      const asked = { ...question, at: momentOf(at) }
      return toApi(await questions.answer(callerOf(request), asked, about, callerSignal(request)))
    },
  )

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
    async (request) => {
      const { policy: text, user: subject, groups, at, ...question } = request.body
      const asked = { ...question, at: momentOf(at) }
      const about = { subject, groups }
      const caller = callerOf(request)
      const { before, after, problems } = await questions.simulate(
        caller,
        text,
        asked,
        about,
        callerSignal(request),
      )
      return withoutUndefined({
        before: toApi(before),
        after: after && toApi(after),
        problems: problems.map((problem) => ({ ...problem })),
      })
    },
  )
}

function wordsOf(list = ''): string[] {
  return list.split(',').filter(Boolean)
}

function momentOf(at: string | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at)
}

function toApi({ decision, matching, near, missed, version }: PolicyAnswer): PolicyExplanation {
  const { effect, rules } = decision
  const isDenied = decision.effect === 'deny'
  return withoutUndefined({
    effect,
    rules: [...rules],
    matching: [...matching],
    near: [...near],
    missed: missed?.map((rule) => ({ ...rule, lacks: [...rule.lacks] })),
    policyVersion: version,
    code: isDenied ? decision.code : undefined,
    explanation: isDenied ? decision.explanation : undefined,
    grant: isDenied ? undefined : describeGrant(decision.grant),
    approval: decision.effect === 'require-approval' ? describeTerms(decision.approval) : undefined,
  })
}

function describeGrant(grant: Grant): NonNullable<PolicyExplanation['grant']> {
  const { toolboxes, profiles, reasonPatterns, ticketPatterns, maxDurationMs, idleTimeoutMs, ...flags } =
    grant
  return withoutUndefined({
    ...flags,
    toolboxes: toolboxes && [...toolboxes],
    profiles: [...profiles],
    reasonPatterns: [...reasonPatterns],
    ticketPatterns: [...ticketPatterns],
    maxDurationSeconds: Math.floor(maxDurationMs / 1000),
    idleTimeoutSeconds: Math.floor(idleTimeoutMs / 1000),
  })
}
