import { z } from 'zod'
import { where } from '../policy/rule-parts.ts'
import { list, section, unique } from './fields.ts'

/** As much as the web app types at a prompt. */
const maxCommandLength = 2000
const maxTextLength = 4000
const maxSteps = 100

// What nobody sees, or takes for an ordinary blank: control characters, marks of direction, zero-width ones, blanks of other widths.
const deceptive = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u
// Words may have lines, and the parts of emoji, which are zero-width.
const disturbing = /(?!\n)\p{Cc}|[\u2028\u2029\u202A-\u202E\u2066-\u2069]/u

const words = (max: number) =>
  z
    .string({ error: 'must be text' })
    .max(max, `must have at most ${max} characters`)
    .refine((value) => value.trim() !== '', 'must not be empty')

const printable =
  'must contain only what can be seen: no control characters, no zero-width or direction marks, no blanks but ordinary ones'

const name = () =>
  words(100)
    .refine((value) => !deceptive.test(value), printable)
    .refine((value) => value.trim() === value, 'must not begin or end with blanks')

const command = () =>
  words(maxCommandLength)
    .refine(
      (value) => !/[\r\n]/.test(value),
      'must be one line without a line end, which would run it: write several steps, or use |- for a single line',
    )
    .refine((value) => /[\r\n]/.test(value) || !deceptive.test(value), printable)

const step = () =>
  section({
    text: words(maxTextLength)
      .refine((value) => !disturbing.test(value), 'must not contain control characters other than line ends')
      .transform((value) => value.trimEnd())
      .optional()
      .describe('What to do or to look for. May have several lines.'),
    command: command()
      .optional()
      .describe('One printable line that a click types at the prompt. It is never run.'),
  }).superRefine((value, context) => {
    if (value.text === undefined && value.command === undefined)
      context.addIssue('must have a text, a command, or both')
  })

/** Lists of steps for the people who debug a target. */
export const runbooksSchema = () =>
  list(
    section({
      name: name().describe('Unique. A link with `run=<name>` opens it beside the terminal.'),
      where: where
        .optional()
        .describe("Which targets it is for, in the words of a policy rule's `where`. Absent: all."),
      steps: list(step())
        .min(1, 'must have at least one step')
        .max(maxSteps, `must have at most ${maxSteps} steps`)
        .describe('In their order.'),
    }),
  ).superRefine(unique('name'))
