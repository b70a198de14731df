/** A first run without any container to debug: something shell-less to start with. */
import type { AuditTrail } from '../core/audit-trail.ts'
import { within } from '../core/deadline.ts'
import { HatchwayError } from '../core/errors.ts'
import type { Policy, PolicyTarget } from '../core/policy.ts'
import { personOf } from '../core/same-person.ts'
import { auditDenied } from './audit-trail.ts'
import type { Caller } from './caller.ts'
import { mayOpen } from './permissions.ts'

const checkMs = 3_000
const startMs = 60_000

/** A shell-less container that a first run can start, to have something to debug. */
export interface SampleTarget {
  /** Its reference and what policy looks at, known before it runs. */
  readonly ref: string
  readonly target: PolicyTarget
  /** Whether it can be started here, or runs already. */
  available(signal: AbortSignal): Promise<boolean>
  /** Idempotent; resolves when it runs. */
  start(signal: AbortSignal): Promise<void>
}

export interface SampleDeps {
  policy: () => Policy
  audit: AuditTrail
  /** Absent: none is offered. */
  sample?: SampleTarget
}

export interface SampleCases {
  /** The reference of the sample that can be started, if any may be. */
  offered(caller: Caller, signal: AbortSignal): Promise<string | undefined>
  /** Resolves with its reference when it runs. Throws `not_found`, and `forbidden`, audited. */
  start(caller: Caller, signal: AbortSignal): Promise<string>
}

export function createSampleCases({ policy, audit, sample }: SampleDeps): SampleCases {
  return {
    async offered({ who }, signal) {
      if (sample === undefined || !mayOpen(policy(), who, sample.target)) return undefined
      try {
        const ask = (signal: AbortSignal) => sample.available(signal)
        return (await within(checkMs, 'The engine', signal, ask)) ? sample.ref : undefined
      } catch (error) {
        if (!(error instanceof HatchwayError)) throw error
        return undefined
      }
    },
    async start(caller, signal) {
      if (sample === undefined)
        throw new HatchwayError('not_found', 'This gateway offers no sample container.')
      if (!mayOpen(policy(), caller.who, sample.target)) {
        await auditDenied(audit, { caller, action: 'open', target: sample.ref })
        throw new HatchwayError('forbidden', 'Policy does not allow you to open the sample container.')
      }
      const { who, from } = caller
      await audit.record({ kind: 'sample-started', who: personOf(who), from, target: sample.ref })
      await within(startMs, 'The engine', signal, (signal) => sample.start(signal))
      return sample.ref
    },
  }
}
