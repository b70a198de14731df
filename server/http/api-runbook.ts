import type { Runbook } from '../core/runbook.ts'
import type { Runbook as ApiRunbook } from '../protocol/runbook-api.ts'

/** A runbook as the API hands it out. */
export function describeRunbook({ name, steps }: Runbook): ApiRunbook {
  return { name, steps: steps.map((step) => ({ ...step })) }
}
