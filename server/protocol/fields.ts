/** What several REST bodies share. */
import { z } from 'zod'
import { podPicks, profiles, sessionScopes, targetFacts } from '../core/vocabulary.ts'

export const timestamp = z.iso.datetime().describe('RFC 3339, UTC')
export const profile = z.enum(profiles)
export const targetFact = z
  .enum(targetFacts)
  .describe('what a target has that a shell there comes to have, as in `where.facts` of policy')
// Written out, for programs whose patterns know no Unicode properties; \p{Cc} is the first two ranges.
// Control characters have no business in words that land in lists, logs and recordings.
export const plainText = (max: number) =>
  z
    .string()
    .max(max)
    .regex(
      /^[^\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]*$/,
      'must not contain control characters',
    )

/** Subject and issuer tell people apart; the name is what they call themselves. */
export const person = z.object({
  subject: z.string().describe('empty where only a name was kept'),
  name: z.string(),
  issuer: z.string().optional().describe('absent in what was stored before issuers were kept'),
})
export type Person = z.infer<typeof person>

export const limit = z.coerce.number().int().min(1).max(200).default(50)
export const cursor = z.string().max(500).optional()

export const podPick = z.enum(podPicks).describe('which pod of a workload; ready by default')

export const sessionScope = z.enum(sessionScopes)

export const targetProcess = plainText(64)
  .min(1)
  .describe(
    "in Docker: the process of the target to debug, in place of the one that is found: its number as the container sees it, or its program's name (of several, the first). Who the session runs as follows it, except to root: a profile that gives another user gives none by this",
  )

export const refusedFor = z
  .array(profile)
  .readonly()
  .optional()
  .describe('of a start that was refused: the profiles that would be taken there, the one to offer first')
