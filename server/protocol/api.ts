/** REST bodies under /api/v1, here and in the files beside: each schema is the validation, the OpenAPI 3.1 document and the TypeScript type. */
import { z } from 'zod'
import { refusedFor } from './fields.ts'

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string().describe('stable, for programs'),
  instance: z.string().describe('the request id, for the log'),
  errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
  profiles: refusedFor,
})
export type Problem = z.infer<typeof problem>

export const environment = z.object({
  id: z.string(),
  kind: z.enum(['docker', 'kubernetes']),
  reachable: z.boolean(),
  problem: z.string().optional().describe('why it is not reachable and what to do'),
  notices: z
    .array(z.string())
    .optional()
    .describe('of a reachable one: what its lists lack, and what in them may be old'),
})
export type Environment = z.infer<typeof environment>

/** Whether a sample shell-less container can be offered on a first run. */
export const sample = z.object({ available: z.boolean(), ref: z.string().optional() })
export type Sample = z.infer<typeof sample>
