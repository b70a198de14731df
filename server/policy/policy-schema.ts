import { z } from 'zod'
import { formatDuration, parseDuration } from '../core/duration.ts'
import { messageOf } from '../core/errors.ts'
import { actions, ruleEffects } from '../core/vocabulary.ts'
import { profiles } from '../core/vocabulary.ts'
import { compilePattern, maxPatternLength } from './pattern.ts'
import { maxDurationCapMs } from './rule.ts'
import { maxApprovals, when, where } from './rule-parts.ts'
import { flag, list, oneOf, plain } from './policy-fields.ts'

const maxRules = 10_000
const duration = (maxMs: number) =>
  z.string({ error: 'must be a duration such as 90s, 15m, 1h or 1h30m' }).transform((text, context) => {
    const ms = parseDuration(text)
    if (ms !== undefined && ms <= maxMs) return ms
    const message =
      ms === undefined
        ? 'must be a duration such as 90s, 15m, 1h or 1h30m'
        : `must be at most ${formatDuration(maxMs)}`
    context.issues.push({ code: 'custom', message, input: text })
    return z.NEVER
  })

const who = z
  .strictObject(
    {
      everyone: z.literal(true, { error: 'can only be true' }).optional(),
      groups: list(plain).optional(),
      subjects: list(plain).optional(),
    },
    { error: 'must be a map with groups, subjects, or everyone: true' },
  )
  .superRefine((value, context) => {
    const named = value.groups !== undefined || value.subjects !== undefined
    if (value.everyone === named) context.addIssue('everyone: true and groups or subjects exclude each other')
    if (value.everyone === undefined && !named) {
      context.addIssue('must name groups or subjects, or say everyone: true')
    }
  })

// Exact names: a pattern here could come to mean people whom nobody thought of.
const approvers = list(
  plain.refine((name) => !/[*?]/.test(name), 'must be the exact name of a group, without * and ?'),
)

const approval = z.strictObject(
  {
    groups: approvers,
    count: z
      .int({ error: 'must be a whole number' })
      .min(1, `must be from 1 to ${maxApprovals}`)
      .max(maxApprovals, `must be from 1 to ${maxApprovals}`)
      .default(1),
  },
  { error: 'must be a map with groups and count' },
)

const breakGlass = z.strictObject({ groups: approvers }, { error: 'must be a map with groups' })

const pattern = z
  .string({ error: 'must be text: a regular expression' })
  .min(1, 'must not be empty')
  .max(maxPatternLength, `must have at most ${maxPatternLength} characters`)
  .superRefine((source, context) => {
    try {
      compilePattern(source)
    } catch (cause) {
      context.addIssue(`is not a usable regular expression: ${messageOf(cause)}`)
    }
  })

const limitKeys = [
  'profiles',
  'toolboxes',
  'requireReason',
  'requireTicket',
  'reasonPattern',
  'ticketPattern',
  'copies',
  'maxDuration',
  'idleTimeout',
  'recordInput',
  'exclusive',
  'recording',
] as const
const notByApproval: readonly string[] = ['list', 'read-audit', 'approve']

const rule = z
  .strictObject(
    {
      name: plain,
      who,
      actions: list(oneOf(actions)),
      where: where.optional(),
      when: when.optional(),
      effect: oneOf(ruleEffects),
      approval: approval.optional(),
      breakGlass: breakGlass.optional(),
      profiles: list(oneOf(profiles)).optional(),
      toolboxes: list(plain).optional(),
      requireReason: flag.optional(),
      requireTicket: flag.optional(),
      reasonPattern: pattern.optional(),
      ticketPattern: pattern.optional(),
      copies: flag.optional(),
      maxDuration: duration(maxDurationCapMs).optional(),
      idleTimeout: duration(maxDurationCapMs).optional(),
      recordInput: flag.optional(),
      exclusive: flag.optional(),
      recording: oneOf(['strict', 'best-effort']).optional(),
    },
    { error: 'must be a map: a rule with name, who, actions and effect' },
  )
  .superRefine((value, context) => {
    const complain = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (value.effect === 'deny') {
      for (const key of limitKeys) {
        if (value[key] !== undefined)
          complain(key, 'a deny rule takes no limits: it denies its actions altogether')
      }
    }
    if (value.effect === 'require-approval') {
      if (value.approval === undefined)
        complain('approval', 'is missing: say who approves, as {groups: [...]}')
      for (const [index, action] of value.actions.entries()) {
        if (notByApproval.includes(action))
          complain(`actions`, `${action} (number ${index + 1}) cannot require approval`)
      }
    } else {
      for (const key of ['approval', 'breakGlass'] as const) {
        if (value[key] !== undefined) complain(key, 'only makes sense with effect: require-approval')
      }
    }
  })

/** The whole of a policy file. */
export const policySchema = z
  .strictObject(
    {
      rules: z
        .array(rule, { error: 'must be a list of rules' })
        .max(maxRules, `must have at most ${maxRules} rules`),
    },
    { error: 'must be a map with the key rules' },
  )
  .superRefine(({ rules }, context) => {
    const names = new Set<string>()
    for (const [index, { name }] of rules.entries()) {
      if (names.has(name))
        context.addIssue({
          code: 'custom',
          path: ['rules', index, 'name'],
          message: 'is the name of an earlier rule too',
        })
      names.add(name)
    }
  })
