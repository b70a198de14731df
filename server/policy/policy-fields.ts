/** The kinds of values that a policy file is made of, with their complaints. */
import { z } from 'zod'

export const plain = z
  .string({ error: 'must be text' })
  .min(1, 'must not be empty')
  .max(255, 'must have at most 255 characters')
  .regex(/^[^\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]*$/u, 'must not contain control characters')

export const list = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item, { error: 'must be a list' })
    .min(1, 'must name at least one')
    .max(1000, 'must name at most 1000')

export const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` })

export const flag = z.boolean({ error: 'must be true or false' })
