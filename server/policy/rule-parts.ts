/** Which targets and which times a rule of a policy file is about. */
import { z } from 'zod'
import { targetFacts } from '../core/vocabulary.ts'
import { list, oneOf, plain } from './policy-fields.ts'
import { labelOperators } from './rule.ts'
import { isTimeZone, parseHours, weekdays } from './time-window.ts'

export const maxApprovals = 10

const matchExpression = z
  .strictObject(
    {
      key: plain.describe('Label.'),
      operator: oneOf(labelOperators).describe('`NotIn` holds for a label that is not there.'),
      values: list(z.string({ error: 'must be text' }).max(255, 'must have at most 255 characters'))
        .optional()
        .describe('With `In` and `NotIn`.'),
    },
    { error: 'must be a map with key, operator and values' },
  )
  .superRefine(({ operator, values }, context) => {
    const needsValues = operator === 'In' || operator === 'NotIn'
    if (needsValues && values === undefined)
      context.addIssue({
        code: 'custom',
        path: ['values'],
        message: `is missing: ${operator} compares with it`,
      })
    if (!needsValues && values !== undefined)
      context.addIssue({ code: 'custom', path: ['values'], message: `does not go with ${operator}` })
  })
  .transform(({ values = [], ...rest }) => ({ ...rest, values }))

export const where = z
  .strictObject(
    {
      environments: list(plain)
        .optional()
        .describe('Ids of environments; `*` and `?` are wildcards, here and below.'),
      namespaces: list(plain).optional().describe('Namespaces of clusters.'),
      targets: list(plain).optional().describe('Container names, or `<kind>/<name>` in a cluster.'),
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
        .optional()
        .describe('Per label the value, or a list of values; `*` is any.'),
      matchExpressions: list(matchExpression).optional().describe('As in Kubernetes.'),
      facts: list(oneOf(targetFacts))
        .optional()
        .describe('What the target has, such as `privileged`; one of them is enough.'),
    },
    { error: 'must be a map with environments, namespaces, targets, labels, matchExpressions or facts' },
  )
  // An empty list is an error too: what was meant to be narrow must not come to mean everything.
  .refine((value) => Object.values(value).some((part) => part !== undefined), {
    error:
      'must name at least one of environments, namespaces, targets, labels, matchExpressions and facts; leave `where` out to mean every target',
    // A misspelt key is told as that.
    when: ({ issues }) => issues.length === 0,
  })

const hoursForm = 'must look like 09:00-17:00; an end at or before its start is on the next day'
const hours = z.string({ error: hoursForm }).transform((text, context) => {
  const range = parseHours(text)
  if (range !== undefined) return range
  context.issues.push({ code: 'custom', message: hoursForm, input: text })
  return z.NEVER
})

export const when = z
  .strictObject(
    {
      days: list(oneOf(weekdays)).optional(),
      hours: z
        .union([hours.transform((range) => [range]), list(hours)], {
          error: `${hoursForm}; or a list of such texts`,
        })
        .optional(),
      timeZone: z
        .string({ error: 'must be a time zone such as Europe/Berlin or UTC' })
        .max(64, 'must have at most 64 characters')
        .refine(isTimeZone, 'is not a time zone of the IANA database, such as Europe/Berlin or UTC'),
    },
    { error: 'must be a map with days, hours and timeZone' },
  )
  .superRefine(({ days, hours }, context) => {
    if (days === undefined && hours === undefined) context.addIssue('must name days or hours')
  })
