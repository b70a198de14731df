import { HatchwayError } from '../../core/errors.ts'
import { factWords, unjudgedFacts, type FoundFacts } from '../../core/target-facts.ts'
import type { DebugSpec } from '../../core/debug-container.ts'

/** Throws `profile_insufficient` when the target, as it is now, gives power that policy was not asked about. */
export function requireJudged(
  found: FoundFacts,
  { facts = [] }: Pick<DebugSpec, 'facts'>,
  name: string,
): void {
  const others = unjudgedFacts(found, facts)
  if (others.length === 0) return
  const known = others.filter((fact) => found.facts.includes(fact))
  const words = (known.length > 0 ? known : others).map((fact) => factWords[fact]).join(', and ')
  throw new HatchwayError(
    'profile_insufficient',
    known.length > 0
      ? `The target ${name} now ${words}, which policy has not been asked about. Open it again.`
      : `Whether the target ${name} ${words} could not be found out, so policy cannot be asked about it. Open it again in a moment.`,
  )
}
