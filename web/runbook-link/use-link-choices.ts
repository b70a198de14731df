import { useState } from 'react'
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { printableLine } from '../lib/printable.ts'
import { useMe, useTarget } from '../lib/queries.ts'
import type { LinkChoices } from './link-address.ts'
import type { LinkRequest } from '../lib/link-request.ts'
import { lastingProcess, lastingRefs, splitRef } from './stable-ref.ts'

export interface LinkState {
  /** Where the link begins. */
  base: string
  /** Absent while it is not known, or when it can't be seen. */
  target: TargetDetail | undefined
  /** Asked for, and not there. */
  isGone: boolean
  /** What the link may lead to, the most lasting first. */
  refs: readonly string[]
  choices: LinkChoices
  change: (change: Partial<LinkChoices>) => void
}

/** What the link says so far. */
export function useLinkChoices(request: LinkRequest): LinkState {
  const requested = splitRef(request.ref)
  const query = useTarget(request.ref)
  const publicUrl = useMe().data?.publicUrl
  const target = query.data
  const refs = lastingRefs(request.ref, target)
  const { process = '', toolbox = '', profile = '', reason = '', ticket = '', run = '' } = request
  const [changes, setChanges] = useState<Partial<LinkChoices>>({})
  const fallback = {
    ref: refs[0] ?? requested.ref,
    container: requested.container,
    process,
    toolbox,
    profile,
    reason,
    ticket,
    run,
  }
  const chosen = { ...fallback, ...changes }
  return {
    base: publicUrl ?? location.origin,
    target,
    isGone: query.isError && target === undefined,
    refs,
    choices: {
      ...chosen,
      // A pod that has gone by now is no choice any more.
      ref: refs.includes(chosen.ref) ? chosen.ref : fallback.ref,
      process: lastingProcess(chosen.process, target),
      reason: printableLine(chosen.reason),
      ticket: printableLine(chosen.ticket),
      run: printableLine(chosen.run),
    },
    change: (change) => setChanges({ ...changes, ...change }),
  }
}
