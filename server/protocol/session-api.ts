/** Sessions under /api/v1: asking for one, and what is told of it. */
import { z } from 'zod'
import { endReasons, sessionStates, startPhases } from '../core/vocabulary.ts'
import { approval, breakGlass } from './approval-api.ts'
import {
  cursor,
  limit,
  person,
  plainText,
  podPick,
  profile,
  refusedFor,
  sessionScope,
  targetFact,
  targetProcess,
  timestamp,
} from './fields.ts'
import { identity } from './target-api.ts'
const sessionState = z.enum(sessionStates)
const endReason = z.enum(endReasons)
export const terminalSize = z.strictObject({
  cols: z.int().min(2).max(1000),
  rows: z.int().min(2).max(1000),
})
export type TerminalSize = z.infer<typeof terminalSize>

export const startProgress = z.object({
  phase: z.enum(startPhases),
  detail: z.string().optional().describe("the backend's own words for what it waits for"),
  advice: z.string().optional().describe('what the user can do about what is in the way'),
  pull: z
    .object({
      image: z.string(),
      currentBytes: z.int(),
      totalBytes: z.int(),
      status: z.string(),
    })
    .optional(),
})
export type StartProgress = z.infer<typeof startProgress>

export const sessionEnd = z.object({
  reason: endReason,
  code: z.string().describe('why, more exactly; stable, for programs'),
  exitCode: z.int().optional(),
  by: person.optional(),
  detail: z.string().optional(),
  profiles: refusedFor,
})
export type SessionEnd = z.infer<typeof sessionEnd>

export const viewer = person.extend({
  id: z.string(),
  role: z.enum(['controller', 'observer']),
})
export type Viewer = z.infer<typeof viewer>

export const session = z.object({
  id: z.string(),
  state: sessionState,
  phase: startProgress.shape.phase.optional(),
  progress: startProgress.optional(),
  target: z.object({
    ref: z.string(),
    name: z.string(),
    environment: z.string(),
    namespace: z.string().optional(),
    image: z.string(),
    resolved: z.object({
      id: z.string().describe('full container id, or pod uid'),
      pod: z.string().optional(),
      container: z.string().optional(),
      imageDigest: z.string().optional(),
      node: z.string().optional(),
    }),
    facts: z.array(targetFact).optional().describe('of the target, as they were at the start'),
  }),
  user: person,
  toolbox: z.string(),
  profile,
  command: z.array(z.string()).optional().describe("what runs in place of the toolbox's shell"),
  cwd: z.string().optional().describe('where the command of a run begins, as it was asked for'),
  copy: z.boolean().optional().describe("it runs in a debug copy of the target's pod"),
  scope: sessionScope.describe('what it shares'),
  process: z.string().optional().describe('the process of the target that was asked for'),
  run: z.boolean().optional().describe('one command without a terminal'),
  identity: identity.optional().describe('while it waits for an approval: as whom it would run'),
  reason: z.string().optional(),
  ticket: z.string().optional(),
  size: terminalSize,
  requestedAt: timestamp,
  startedAt: timestamp.optional(),
  endedAt: timestamp.optional(),
  end: sessionEnd.optional(),
  deadline: timestamp.describe('while it waits for an approval: when the request expires'),
  idleTimeoutSeconds: z.int(),
  rules: z.array(z.string()),
  approval: approval.optional().describe('there when policy required one'),
  breakGlass: breakGlass.optional().describe('there when it was started without the approval'),
  viewers: z.array(viewer),
  recording: z
    .object({
      state: z.enum(['live', 'sealed', 'missing']),
      sha256: z.string().optional(),
      bytes: z.int().optional(),
      outputBytes: z.int().optional(),
      durationMs: z.int().optional(),
    })
    .describe('sha256 and sizes are of the uncompressed asciicast'),
  can: z
    .object({
      control: z.boolean(),
      watch: z.boolean(),
      terminate: z.boolean().describe('of a request that waits: withdraw it'),
      replay: z.boolean(),
      decide: z.boolean().describe('approve or deny the request'),
      review: z.boolean().describe('review the break-glass session'),
    })
    .describe('what policy lets the caller do with it now'),
})
export type Session = z.infer<typeof session>

export const sessionList = z.object({ items: z.array(session), next: z.string().optional() })
export type SessionList = z.infer<typeof sessionList>

/** What waits for the caller: newest first, the first hundred of each. */
export const approvalList = z.object({
  requests: z.array(session).describe('that the caller may approve or deny'),
  reviews: z.array(session).describe('break-glass sessions, ended and not, that the caller has to review'),
})
/** */
export type ApprovalList = z.infer<typeof approvalList>

export const createSession = z.strictObject({
  target: z.string().min(1).max(600),
  toolbox: z.string().max(100).optional(),
  profile: profile.optional(),
  reason: plainText(500).optional(),
  ticket: plainText(100).optional(),
  size: terminalSize.optional(),
  command: z
    .array(
      z
        .string()
        .max(4096)
        .regex(/^[^\u0000]*$/, 'must not contain NUL'),
    )
    .min(1)
    .max(100)
    .optional()
    .describe("run in place of the toolbox's shell, as argv"),
  pick: podPick.optional(),
  copy: z.boolean().optional().describe('the same as `scope: "copy"`'),
  scope: sessionScope
    .optional()
    .describe(
      'what to share: `container` (the default) its processes, files and network; `network` the network of its pod alone, for one whose containers do not run; `copy` a debug copy of the pod, whose containers do not run their own commands',
    ),
  process: targetProcess.optional(),
  breakGlass: z
    .boolean()
    .optional()
    .describe('start at once where an approval is required and policy lets the caller; needs a reason'),
})
export type CreateSession = z.infer<typeof createSession>

export const terminateSession = z.strictObject({ reason: plainText(500).optional() })

export const sessionQuery = z.strictObject({
  state: z
    .string()
    .max(100)
    .optional()
    .describe('comma separated: pending-approval, starting, running, ended'),
  user: z.string().max(255).optional().describe('subject; `me` for the caller'),
  issuer: z.string().max(500).optional().describe('of the user: subjects of two issuers are two people'),
  target: z.string().max(600).optional(),
  review: z.enum(['outstanding', 'done']).optional().describe('break-glass sessions by their review'),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
  q: z.string().max(200).optional(),
  limit,
  cursor,
})

export const wsTicket = z.object({ ticket: z.string(), expiresAt: timestamp })

export const verification = z.object({
  whole: z.boolean(),
  unaltered: z.boolean(),
  checked: z.array(z.object({ check: z.string(), passed: z.boolean(), detail: z.string() })),
})
export type Verification = z.infer<typeof verification>

export const recordingQuery = z.strictObject({
  format: z.enum(['asciicast-v3', 'asciicast-v2', 'text']).default('asciicast-v3'),
  download: z
    .enum(['true', 'false'])
    .default('false')
    .describe('sent as an attachment, and audited as an export'),
})
