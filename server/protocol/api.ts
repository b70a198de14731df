/** REST bodies under /api/v1: each schema is the validation, the OpenAPI 3.1 document and the TypeScript type. */
import { z } from 'zod'

const timestamp = z.iso.datetime().describe('RFC 3339, UTC')
const profile = z.enum(['auto', 'general', 'baseline', 'restricted', 'netadmin', 'sysadmin'])
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
// Control characters have no business in words that land in lists, logs and recordings.
const plainText = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]*$/u, 'must not contain control characters')

export const terminalSize = z.strictObject({
  cols: z.int().min(2).max(1000),
  rows: z.int().min(2).max(1000),
})
export type TerminalSize = z.infer<typeof terminalSize>

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string().describe('stable, for programs'),
  instance: z.string().describe('the request id, for the log'),
  errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
})
export type Problem = z.infer<typeof problem>

export const identity = z.object({
  uid: z.int(),
  gid: z.int(),
  groups: z.array(z.int()),
  capabilities: z.array(z.string()),
  seesFiles: z.boolean(),
  explanation: z.string(),
})

export const me = z.object({
  subject: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  issuer: z.string(),
  expiresAt: timestamp,
  can: z.object({ readAudit: z.boolean() }),
})
export type Me = z.infer<typeof me>

export const environment = z.object({
  id: z.string(),
  kind: z.enum(['docker', 'kubernetes']),
  reachable: z.boolean(),
  problem: z.string().optional().describe('why it is not reachable and what to do'),
})
export type Environment = z.infer<typeof environment>

export const target = z.object({
  ref: z.string(),
  id: z.string(),
  environment: z.string(),
  kind: z.enum(['docker', 'kubernetes']),
  namespace: z.string().optional(),
  name: z.string(),
  image: z.string(),
  state: z.enum(['running', 'paused', 'restarting', 'created', 'exited', 'dead', 'removing']),
  status: z.string(),
  createdAt: timestamp,
  startedAt: timestamp.optional(),
  labels: z.record(z.string(), z.string()),
  user: z.string().optional().describe('uid:gid that it runs as'),
  hasShell: z.boolean().optional().describe('absent while unknown'),
  ports: z.array(z.string()),
  node: z.string().optional(),
  warnings: z.array(z.string()),
  canOpen: z.boolean().describe('whether policy lets the caller open a session in it'),
})
export type Target = z.infer<typeof target>

export const targetList = z.object({
  items: z.array(target),
  next: z.string().optional(),
  problems: z
    .array(z.object({ environment: z.string(), detail: z.string() }))
    .describe('environments that could not be asked'),
})
export type TargetList = z.infer<typeof targetList>

export const targetDetail = target.extend({
  options: z
    .object({
      toolboxes: z.array(z.object({ name: z.string(), image: z.string() })),
      profiles: z.array(
        z.object({
          name: profile,
          identity: identity.optional(),
          problem: z.string().optional().describe('why this profile cannot be used here'),
        }),
      ),
      requireReason: z.boolean(),
      requireApproval: z.boolean(),
      maxDurationSeconds: z.int(),
      idleTimeoutSeconds: z.int(),
      recordInput: z.boolean(),
      rules: z.array(z.string()),
    })
    .optional()
    .describe('absent when policy does not let the caller open it'),
  denied: z.string().optional().describe('why it cannot be opened'),
})
export type TargetDetail = z.infer<typeof targetDetail>

export const startProgress = z.object({
  phase: z.enum(['resolving', 'pulling', 'creating', 'attaching']),
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
  exitCode: z.int().optional(),
  by: z.string().optional(),
  detail: z.string().optional(),
})
export type SessionEnd = z.infer<typeof sessionEnd>

export const viewer = z.object({
  id: z.string(),
  subject: z.string(),
  name: z.string(),
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
    image: z.string(),
    resolved: z.object({
      id: z.string(),
      imageDigest: z.string().optional(),
      node: z.string().optional(),
    }),
  }),
  user: z.object({ subject: z.string(), name: z.string() }),
  toolbox: z.string(),
  profile,
  identity: identity.optional(),
  reason: z.string().optional(),
  ticket: z.string().optional(),
  size: terminalSize,
  requestedAt: timestamp,
  startedAt: timestamp.optional(),
  endedAt: timestamp.optional(),
  end: sessionEnd.optional(),
  deadline: timestamp,
  idleTimeoutSeconds: z.int(),
  rules: z.array(z.string()),
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
    .object({ control: z.boolean(), watch: z.boolean(), terminate: z.boolean(), replay: z.boolean() })
    .describe('what policy lets the caller do with it now'),
})
export type Session = z.infer<typeof session>

export const sessionList = z.object({ items: z.array(session), next: z.string().optional() })
export type SessionList = z.infer<typeof sessionList>

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
        .regex(/^[^\0]*$/, 'must not contain NUL'),
    )
    .min(1)
    .max(100)
    .optional()
    .describe("run in place of the toolbox's shell, as argv"),
})
export type CreateSession = z.infer<typeof createSession>

export const terminateSession = z.strictObject({ reason: plainText(500).optional() })

export const limit = z.coerce.number().int().min(1).max(200).default(50)
export const cursor = z.string().max(500).optional()

export const targetQuery = z.strictObject({
  environment: z.string().max(63).optional(),
  namespace: z.string().max(253).optional(),
  q: z.string().max(200).optional().describe('words that name, image, label or ref must all contain'),
  selector: z.string().max(500).optional().describe('label selector: a=b,c!=d,e'),
})

export const sessionQuery = z.strictObject({
  state: z.string().max(100).optional().describe('comma separated states'),
  user: z.string().max(255).optional().describe('subject; `me` for the caller'),
  target: z.string().max(600).optional(),
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
  who: z.object({ subject: z.string(), name: z.string() }).optional(),
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
  user: z.string().max(255).optional(),
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
  methods: z.array(z.enum(['link', 'token'])),
})
export type SignInOptions = z.infer<typeof signInOptions>

/** Exactly one: the code of the printed one-time link, or a JWT of a configured issuer. */
export const signIn = z.union([
  z.strictObject({ code: z.string().min(1).max(200) }),
  z.strictObject({ token: z.string().min(1).max(16_384) }),
])

/** Whether a sample shell-less container can be offered on a first run. */
export const sample = z.object({ available: z.boolean(), ref: z.string().optional() })
export type Sample = z.infer<typeof sample>
