import type { Action, RuleEffect } from '../core/vocabulary.ts'
import type { TargetFact } from '../core/vocabulary.ts'
import type { Profile } from '../core/vocabulary.ts'
import type { TimeWindow } from './time-window.ts'

export const labelOperators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const

/** One requirement of a Kubernetes label selector. `NotIn` holds for a label that is not there, as in Kubernetes. */
export interface LabelExpression {
  key: string
  operator: (typeof labelOperators)[number]
  /** Empty with `Exists` and `DoesNotExist`, never with the others. */
  values: readonly string[]
}

/** Which targets something is about. Absent parts match everything. */
export interface Where {
  environments?: readonly string[]
  namespaces?: readonly string[]
  targets?: readonly string[]
  /** Per label the accepted values; `*` accepts any value as long as the label is there. */
  labels?: Readonly<Record<string, readonly string[]>>
  matchExpressions?: readonly LabelExpression[]
  /** One of them is enough. */
  facts?: readonly TargetFact[]
}

/** One rule of a policy file, validated. Absent limits say nothing; absent `where` parts match everything. */
export interface Rule {
  name: string
  who: { everyone: boolean; groups: readonly string[]; subjects: readonly string[] }
  actions: readonly Action[]
  where: Where
  /** Absent: at all times. */
  when?: TimeWindow
  effect: RuleEffect
  /** With `require-approval`: exact names of groups, never none. */
  approval?: { groups: readonly string[]; count: number }
  /** With `require-approval`: whose members may start at once and be reviewed afterwards. */
  breakGlass?: { groups: readonly string[] }
  profiles?: readonly Profile[]
  toolboxes?: readonly string[]
  requireReason?: boolean
  requireTicket?: boolean
  /** RE2 expressions; the whole text has to match. */
  reasonPattern?: string
  ticketPattern?: string
  /** Whether debug copies of pods may be made. */
  copies?: boolean
  maxDurationMs?: number
  idleTimeoutMs?: number
  recordInput?: boolean
  /** Whether nobody else may have a session in the target meanwhile. */
  exclusive?: boolean
  recording?: 'strict' | 'best-effort'
}

/** What holds where no matching rule says anything. `netadmin` and `sysadmin` have to be named by a rule. */
export const defaultLimits = {
  profiles: ['auto', 'general', 'baseline', 'restricted'],
  maxDurationMs: 4 * 3_600_000,
  idleTimeoutMs: 30 * 60_000,
} as const satisfies { profiles: readonly Profile[]; maxDurationMs: number; idleTimeoutMs: number }

/** No rule may ask for more. */
export const maxDurationCapMs = 24 * 3_600_000
