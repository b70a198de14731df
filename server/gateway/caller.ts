import type { Principal } from '../core/policy.ts'

/** Whoever asks, by whatever adapter. */
export interface Caller {
  who: Principal
  /** Remote address, for the audit log. */
  from: string
}
