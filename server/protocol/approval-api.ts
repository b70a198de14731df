/** REST bodies about approvals and about policy itself. */
import { z } from 'zod'
import { actions, reviewVerdicts, ruleEffects } from '../core/vocabulary.ts'
import { person, plainText, profile, timestamp } from './fields.ts'

export const approvalNeed = z.object({
  rule: z.string(),
  groups: z.array(z.string()).describe('members of one of these may approve'),
  count: z.int().describe('so many different people'),
})
export type ApprovalNeed = z.infer<typeof approvalNeed>

/** What a session waits, or waited, for. */
export const approval = z.object({
  outcome: z
    .enum(['pending', 'approved', 'denied', 'expired', 'withdrawn', 'not-needed', 'void'])
    .describe(
      'not-needed: policy changed meanwhile and allows it without; void: its target or toolbox is gone',
    ),
  needs: z.array(approvalNeed.extend({ given: z.int() })),
  votes: z.array(
    z.object({
      decision: z.enum(['approve', 'deny']),
      by: person,
      at: timestamp,
      reason: z.string().optional(),
    }),
  ),
  plan: z
    .object({ image: z.string().describe('of the toolbox'), maxDurationSeconds: z.int() })
    .describe('what would run, with target, toolbox, profile, identity and command of the session'),
  expiresAt: timestamp,
})
export type Approval = z.infer<typeof approval>

/** A session that was started without the approval that policy asks for. */
export const breakGlass = z.object({
  needs: z.array(approvalNeed).describe('the approval that it did without'),
  review: z
    .object({
      verdict: z.enum(reviewVerdicts),
      by: person,
      at: timestamp,
      reason: z.string(),
    })
    .optional()
    .describe('absent while it is outstanding'),
})
export type BreakGlass = z.infer<typeof breakGlass>

const blank = (text: string | undefined) => text === undefined || text.trim() === ''

export const decideSession = z
  .strictObject({ decision: z.enum(['approve', 'deny']), reason: plainText(500).optional() })
  .refine(({ decision, reason }) => decision === 'approve' || !blank(reason), {
    path: ['reason'],
    message: 'is missing: say why it is denied',
  })

export const reviewSession = z.strictObject({
  verdict: z.enum(reviewVerdicts),
  reason: plainText(500).refine((text) => !blank(text), 'must not be empty'),
})

export const policyGrant = z.object({
  toolboxes: z.array(z.string()).optional().describe('absent: every configured one'),
  profiles: z.array(profile),
  requireReason: z.boolean(),
  requireTicket: z.boolean(),
  reasonPatterns: z.array(z.string()).describe('RE2; the whole text has to match each of them'),
  ticketPatterns: z.array(z.string()),
  copies: z.boolean(),
  maxDurationSeconds: z.int(),
  idleTimeoutSeconds: z.int(),
  recordInput: z.boolean(),
  exclusive: z.boolean().optional(),
  recording: z.enum(['strict', 'best-effort']),
})

export const approvalTerms = z.object({
  needs: z.array(approvalNeed),
  breakGlass: z
    .boolean()
    .describe('may start at once, with an alarm to the approvers and a review afterwards'),
})
export type ApprovalTerms = z.infer<typeof approvalTerms>

const ruleEffect = z.enum(ruleEffects)

/** What policy says to one question, and why. */
export const policyExplanation = z.object({
  effect: ruleEffect,
  rules: z.array(z.string()).describe('the rules that decided'),
  code: z.string().optional().describe('of a deny: the code that the refusal would have'),
  explanation: z.string().optional().describe('of a deny: plain words'),
  grant: policyGrant.optional(),
  approval: approvalTerms.optional(),
  matching: z.array(z.object({ name: z.string(), effect: ruleEffect })),
  near: z
    .array(
      z.object({
        name: z.string(),
        effect: z.enum(['allow', 'require-approval']),
        lacks: z.enum(['who', 'action', 'time']),
        wants: z.string(),
      }),
    )
    .describe('rules about this target that would match but for one thing'),
  missed: z
    .array(
      z.object({
        name: z.string(),
        effect: ruleEffect,
        lacks: z.array(z.enum(['who', 'action', 'where', 'time'])),
      }),
    )
    .optional()
    .describe('the first 200 rules that do not match, and every part that is in the way: needs read-audit'),
  policyVersion: z.string(),
})
export type PolicyExplanation = z.infer<typeof policyExplanation>

const action = z.enum(actions)

const question = {
  target: z.string().min(1).max(600).optional().describe('a target reference'),
  action: action.default('open'),
  toolbox: z.string().max(100).optional(),
  profile: profile.optional(),
  reason: plainText(500).optional(),
  ticket: plainText(100).optional(),
  at: z.iso.datetime().optional().describe('another moment than now'),
}

export const explainQuery = z.strictObject({
  ...question,
  user: z.string().min(1).max(255).optional().describe('somebody else: needs read-audit'),
  groups: z.string().max(4000).optional().describe('comma separated, of that user'),
})

export const simulatePolicy = z.strictObject({
  ...question,
  policy: z
    .string()
    .max(1024 * 1024)
    .describe('the text of the changed policy file'),
  user: z.string().min(1).max(255),
  groups: z.array(z.string().max(255)).max(1000).default([]),
})

export const policySimulation = z.object({
  before: policyExplanation.describe('by the policy in force'),
  after: policyExplanation.optional().describe('absent when the text has problems'),
  problems: z.array(
    z.object({
      line: z.int().optional(),
      column: z.int().optional(),
      path: z.string(),
      message: z.string(),
    }),
  ),
})
export type PolicySimulation = z.infer<typeof policySimulation>
