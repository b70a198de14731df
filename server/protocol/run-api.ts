/** REST bodies of single commands. */
import { z } from 'zod'
import { createSession, sessionEnd } from './session-api.ts'
import { identity } from './target-api.ts'

const { target, toolbox, profile, reason, ticket, pick, process, command } = createSession.shape

export const createRun = z.strictObject({
  target,
  toolbox,
  profile,
  reason,
  ticket,
  pick,
  process,
  command: command.unwrap().describe('as argv; no shell reads it'),
  cwd: z
    .string()
    .max(4096)
    .regex(/^(\$TARGET)?(\/[^\u0000-\u001f\u007f]*)?$/)
    .min(1)
    .optional()
    .describe(
      "where it begins: an absolute path as the debug container sees it; `$TARGET` at its beginning is the target's root. Without it: a home that can be written to. A directory that cannot be entered is exit code 125",
    ),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(86_400)
    .describe('from the request on, with the start; policy may allow less'),
})

const encoding = z.enum(['utf-8', 'base64']).describe('base64 of the exact bytes where they are not UTF-8')

export const run = z.object({
  id: z.string().describe('of its session, which has the recording'),
  exitCode: z.int().optional().describe('absent when it did not end by itself: `end` says why'),
  end: sessionEnd.describe('`expired` when its time was over'),
  stdout: z.string(),
  stderr: z.string(),
  encoding: z.object({ stdout: encoding, stderr: encoding }),
  truncated: z
    .object({ stdout: z.boolean(), stderr: z.boolean() })
    .describe('there was more than the first MiB, which the recording has'),
  durationMs: z.int().describe('from its start to its end'),
  identity: identity.optional().describe("as whom it ran, and whether it saw the target's files"),
})
export type Run = z.infer<typeof run>
