import { within } from '../core/deadline.ts'
import { HatchwayError } from '../core/errors.ts'
import type { TargetDriver } from '../core/driver.ts'

const checkMs = 3_000

export interface EnvironmentView {
  id: string
  kind: TargetDriver['kind']
  /** Why it can't be reached. Absent: it answers. */
  problem?: string
  /** Of one that answers: what its lists lack, and what in them may be old. */
  notices: readonly string[]
}

export interface EnvironmentCases {
  /** Docker hosts and clusters, in the order of the configuration, and which of them answer. */
  list(signal: AbortSignal): Promise<EnvironmentView[]>
}

export function createEnvironmentCases(drivers: ReadonlyMap<string, TargetDriver>): EnvironmentCases {
  return { list: (signal) => Promise.all([...drivers.values()].map((driver) => look(driver, signal))) }
}

async function look(driver: TargetDriver, parent: AbortSignal): Promise<EnvironmentView> {
  const { environment: id, kind } = driver
  try {
    await within(checkMs, `Environment ${id}`, parent, (signal) => driver.check(signal))
    return { id, kind, notices: driver.problems?.() ?? [] }
  } catch (error) {
    if (!(error instanceof HatchwayError)) throw error
    return { id, kind, problem: error.message, notices: [] }
  }
}
