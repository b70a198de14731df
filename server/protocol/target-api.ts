/** REST bodies about targets. */
import { z } from 'zod'
import { targetStates, workloadKinds } from '../core/vocabulary.ts'
import { approvalTerms } from './approval-api.ts'
import { cursor, podPick, profile, sessionScope, targetFact, targetProcess, timestamp } from './fields.ts'
import { runbook } from './runbook-api.ts'

const targetState = z.enum(targetStates)
const workloadKind = z.enum(workloadKinds)

const podContainer = z.object({
  name: z.string(),
  kind: z.enum(['app', 'sidecar', 'init', 'debug']).describe('debug: an ephemeral container'),
  image: z.string(),
  state: z.enum(['running', 'waiting', 'terminated']),
  status: z.string().describe("the kubelet's words, such as CrashLoopBackOff"),
  ready: z.boolean(),
  restarts: z.int(),
  user: z.string().optional().describe('uid:gid, when the runtime tells'),
})

const podChoice = z.object({
  name: z.string(),
  state: targetState,
  status: z.string(),
  ready: z.boolean(),
  restarts: z.int(),
  node: z.string().optional(),
  createdAt: timestamp,
})

export const identity = z.object({
  uid: z.int(),
  gid: z.int(),
  groups: z.array(z.int()),
  capabilities: z.array(z.string()),
  seesFiles: z.boolean(),
  process: z
    .object({
      name: z.string(),
      user: z.string().optional().describe('uid:gid'),
      pid: z.int().optional().describe("among the target's own processes, where that can be told"),
      init: z.string().optional().describe("the target's first process, where that is an init"),
      others: z
        .int()
        .describe('how many more the init looks after; of a chosen one, how many more there are'),
      chosen: z.boolean().optional().describe('it was asked for'),
    })
    .optional()
    .describe("what is debugged where that is not the target's first process; its user decides"),
  explanation: z.string(),
})

export const target = z.object({
  ref: z.string(),
  id: z.string(),
  environment: z.string(),
  kind: z.enum(['docker', 'kubernetes']),
  namespace: z.string().optional(),
  name: z.string(),
  image: z.string(),
  state: targetState,
  status: z.string(),
  createdAt: timestamp,
  startedAt: timestamp.optional(),
  labels: z.record(z.string(), z.string()),
  user: z.string().optional().describe('uid:gid that it runs as'),
  hasShell: z.boolean().optional().describe('absent while unknown'),
  ports: z.array(z.string()),
  node: z.string().optional(),
  facts: z.array(targetFact).optional().describe('absent while unknown, in lists alone'),
  unknownFacts: z.array(targetFact).optional().describe('those that could not be found out'),
  warnings: z.array(z.string()),
  workload: workloadKind.optional().describe('in a cluster: what kind of object the reference names'),
  pod: z.string().optional().describe('the pod that would be opened; absent for a workload in a list'),
  container: z.string().optional().describe('the container that would be opened'),
  containers: z.array(podContainer).optional(),
  restarts: z.int().optional(),
  pods: z.object({ total: z.int(), ready: z.int() }).optional().describe('of a workload'),
  canOpen: z.boolean().describe('whether policy lets the caller open a session in it, and it runs'),
})
export type Target = z.infer<typeof target>

export const targetList = z.object({
  items: z.array(target),
  next: z.string().optional(),
  total: z.int().describe('targets that fit, on all pages'),
  states: z
    .partialRecord(targetState, z.int())
    .describe('how many fit all filters but `state`, by their state'),
  namespaces: z
    .array(z.object({ environment: z.string(), namespace: z.string(), targets: z.int() }))
    .describe(
      'where in the clusters the caller may see something, whatever the filters but `environment` say',
    ),
  problems: z
    .array(
      z.object({
        environment: z.string(),
        detail: z.string(),
        partial: z.boolean().optional().describe('true: it is shown, but some of it is missing or old'),
      }),
    )
    .describe('environments that could not be asked, or not for everything'),
})
export type TargetList = z.infer<typeof targetList>

export const targetDetail = target.extend({
  workloads: z
    .array(z.string())
    .optional()
    .describe('in a cluster: `<kind>/<name>` of what it is part of, as far as the caller may know of it'),
  choice: z
    .object({ explanation: z.string(), pods: z.array(podChoice) })
    .optional()
    .describe('of a workload: which pod was chosen, why, and which others there are'),
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
      requireTicket: z.boolean(),
      reasonPatterns: z.array(z.string()).describe('RE2; the whole reason has to match each of them'),
      ticketPatterns: z.array(z.string()),
      requireApproval: z.boolean(),
      approval: approvalTerms.optional().describe('who approves; there when an approval is required'),
      copies: z.boolean().describe('whether policy allows a debug copy of the pod'),
      scopes: z
        .array(z.object({ scope: sessionScope, problem: z.string().optional() }))
        .describe('what a session there may share; `problem`: why it cannot now'),
      processes: z
        .object({
          items: z.array(
            z.object({
              process: z.string().describe('by which it is asked for'),
              name: z.string(),
              pid: z.int().optional().describe("among the target's own processes, where that can be told"),
              user: z.string().describe('uid:gid'),
              found: z.boolean().describe('the one that is debugged unless another is asked for'),
            }),
          ),
          total: z.int(),
        })
        .optional()
        .describe('of a container of Docker that runs: what of it can be asked for, the first fifty'),
      maxDurationSeconds: z.int(),
      idleTimeoutSeconds: z.int(),
      recordInput: z.boolean(),
      exclusive: z.boolean().optional().describe('nobody else may have a session there meanwhile'),
      runbooks: z.array(runbook).describe('that are for this target, in the order to show them'),
      rules: z.array(z.string()),
    })
    .optional()
    .describe('absent when policy does not let the caller open it'),
  denied: z.string().optional().describe('why it cannot be opened'),
})
export type TargetDetail = z.infer<typeof targetDetail>

export const targetDetailQuery = z.strictObject({
  pick: podPick.optional(),
  scope: sessionScope.optional().describe('what the identities of the profiles are told for'),
  process: targetProcess.optional(),
})

const targetSort = z.enum([
  'name',
  '-name',
  'image',
  '-image',
  'node',
  '-node',
  'environment',
  '-environment',
  'restarts',
  '-restarts',
  'age',
  '-age',
])
export type TargetSort = z.infer<typeof targetSort>

export const targetQuery = z.strictObject({
  environment: z.string().max(63).optional(),
  namespace: z.string().max(253).optional(),
  q: z
    .string()
    .max(200)
    .optional()
    .describe('words that must all be in the name, an image, a label, the node or the ref'),
  selector: z
    .string()
    .max(500)
    .optional()
    .describe('label selector, as in Kubernetes: a=b,c!=d,e in (f,g),h notin (i),j,!k'),
  kind: z
    .string()
    .max(100)
    .optional()
    .describe(
      'comma separated: container (of Docker), pod, deployment, statefulset, daemonset, job, replicaset. Without it: all but pods that a workload in the list stands for',
    ),
  state: z.string().max(100).optional().describe('comma separated states'),
  sort: targetSort
    .optional()
    .describe(
      'what comes first; with - the other way round. Without it, and among equals: what fails first, then by environment, namespace and name. age: the youngest first',
    ),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
  cursor,
})
