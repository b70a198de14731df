import type { Action } from '../core/policy.ts'
import type { Profile } from '../core/target.ts'

/** One rule of a policy file, validated. Absent limits say nothing; absent `where` parts match everything. */
export interface Rule {
  name: string
  who: { everyone: boolean; groups: readonly string[]; subjects: readonly string[] }
  actions: readonly Action[]
  where: {
    environments?: readonly string[]
    namespaces?: readonly string[]
    targets?: readonly string[]
    /** Per label the accepted values; `*` accepts any value as long as the label is there. */
    labels?: Readonly<Record<string, readonly string[]>>
  }
  effect: 'allow' | 'deny' | 'require-approval'
  /** Who would approve. Read and checked, though nothing acts on it yet. */
  approval?: { groups: readonly string[]; count: number }
  profiles?: readonly Profile[]
  toolboxes?: readonly string[]
  requireReason?: boolean
  /** Whether debug copies of pods may be made. */
  copies?: boolean
  maxDurationMs?: number
  idleTimeoutMs?: number
  recordInput?: boolean
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
