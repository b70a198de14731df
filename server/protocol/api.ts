/** REST bodies under /api/v1: each schema is the validation, the OpenAPI 3.1 document and the TypeScript type. */
import { z } from 'zod'
import { approval, breakGlass } from './approval-api.ts'
import {
  cursor,
  limit,
  person,
  plainText,
  podPick,
  profile,
  sessionScope,
  targetFact,
  targetProcess,
  timestamp,
} from './fields.ts'
import { identity } from './target-api.ts'

const sessionState = z.enum(['pending-approval', 'starting', 'running', 'ended'])
const endReason = z.enum([
  'exit',
  'target-exited',
  'terminated',
  'idle',
  'expired',
  'denied',
  'failed',
  'recording-failed',
  'lost',
  'shutdown',
])
export const terminalSize = z.strictObject({
  cols: z.int().min(2).max(1000),
  rows: z.int().min(2).max(1000),
})
export type TerminalSize = z.infer<typeof terminalSize>

const refusedFor = z
  .array(profile)
  .readonly()
  .optional()
  .describe('of a start that was refused: the profiles that would be taken there, the one to offer first')

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

export const me = z.object({
  subject: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  issuer: z.string(),
  expiresAt: timestamp,
  signInEndsAt: timestamp
    .optional()
    .describe(
      'the browser has to sign in again then; until then its identity provider is asked now and again',
    ),
  provider: z.string().optional().describe('name of the identity provider that vouches for this browser'),
  can: z.object({ readAudit: z.boolean() }),
  publicUrl: z
    .string()
    .optional()
    .describe('where browsers reach the gateway, when it is configured: what links should begin with'),
})
export type Me = z.infer<typeof me>

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

export const startProgress = z.object({
  phase: z.enum(['resolving', 'pulling', 'creating', 'attaching']),
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

export const auditEvent = z.object({
  id: z.string(),
  at: timestamp,
  kind: z.string(),
  who: person.optional(),
  from: z.string().optional(),
  action: z.string().optional(),
  target: z.string().optional(),
  sessionId: z.string().optional(),
  rule: z.string().optional(),
  reason: z.string().optional(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
})
export type AuditEvent = z.infer<typeof auditEvent>

export const auditList = z.object({ items: z.array(auditEvent), next: z.string().optional() })
export type AuditList = z.infer<typeof auditList>

export const auditQuery = z.strictObject({
  kind: z.string().max(300).optional().describe('comma separated kinds'),
  user: z.string().max(255).optional().describe('subject; `me` for the caller'),
  issuer: z.string().max(500).optional().describe('of the user: subjects of two issuers are two people'),
  target: z.string().max(600).optional(),
  session: z.string().max(64).optional(),
  q: z.string().max(200).optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
  limit,
  cursor,
})

/** What the sign-in page needs before anyone is signed in. */
export const signInOptions = z.object({
  methods: z.array(z.enum(['provider', 'link', 'token'])),
  provider: z
    .object({ name: z.string() })
    .optional()
    .describe('the identity provider that signs browsers in'),
  device: z
    .object({
      issuer: z.string(),
      clientId: z.string(),
      scopes: z.array(z.string()),
      resource: z.string().optional(),
      audiences: z.array(z.string()).describe('one of them has to be in the `aud` of a token'),
    })
    .optional()
    .describe('how programs sign in by the device flow'),
})
export type SignInOptions = z.infer<typeof signInOptions>

/** Exactly one: the code of the printed one-time link, or a JWT of a configured issuer. */
export const signIn = z.union([
  z.strictObject({ code: z.string().min(1).max(200) }),
  z.strictObject({ token: z.string().min(1).max(16_384) }),
])

/** After all sign-ins of a person were removed. */
export const signedOut = z.object({
  continueAt: z.string().optional().describe('where the browser signs out of the identity provider too'),
})
export type SignedOut = z.infer<typeof signedOut>

/** Whether a sample shell-less container can be offered on a first run. */
export const sample = z.object({ available: z.boolean(), ref: z.string().optional() })
export type Sample = z.infer<typeof sample>
