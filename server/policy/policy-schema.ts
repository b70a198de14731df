import { z } from 'zod'
import { formatDuration, parseDuration } from '../core/duration.ts'
import { actions } from '../core/policy.ts'
import { profiles } from '../core/target.ts'
import { maxDurationCapMs } from './rule.ts'

const maxRules = 10_000
const plain = z
  .string({ error: 'must be text' })
  .min(1, 'must not be empty')
  .max(255, 'must have at most 255 characters')
  .regex(/^[^\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]*$/u, 'must not contain control characters')
const list = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item, { error: 'must be a list' })
    .min(1, 'must name at least one')
    .max(1000, 'must name at most 1000')
const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` })
const flag = z.boolean({ error: 'must be true or false' })

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

const where = z.strictObject(
  {
    environments: list(plain).optional(),
    namespaces: list(plain).optional(),
    targets: list(plain).optional(),
    labels: z
      .record(
        plain,
        z.union([z.string().transform((value) => [value]), list(z.string())], {
          error: 'must be text or a list of texts',
        }),
        {
          error: 'must be a map from label to value',
        },
      )
      .refine((labels) => Object.keys(labels).length > 0, 'must name at least one')
      .optional(),
  },
  { error: 'must be a map with environments, namespaces, targets or labels' },
)

const approval = z.strictObject(
  {
    groups: list(plain),
    count: z
      .int({ error: 'must be a whole number' })
      .min(1, 'must be from 1 to 10')
      .max(10, 'must be from 1 to 10')
      .default(1),
  },
  { error: 'must be a map with groups and count' },
)

const limitKeys = [
  'profiles',
  'toolboxes',
  'requireReason',
  'copies',
  'maxDuration',
  'idleTimeout',
  'recordInput',
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
      effect: oneOf(['allow', 'deny', 'require-approval']),
      approval: approval.optional(),
      profiles: list(oneOf(profiles)).optional(),
      toolboxes: list(plain).optional(),
      requireReason: flag.optional(),
      copies: flag.optional(),
      maxDuration: duration(maxDurationCapMs).optional(),
      idleTimeout: duration(maxDurationCapMs).optional(),
      recordInput: flag.optional(),
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
    } else if (value.approval !== undefined) {
      complain('approval', 'only makes sense with effect: require-approval')
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
