import type { Principal } from '../core/policy.ts'
import { withoutUndefined } from '../core/without-undefined.ts'

/**
 * Whose rows a list is asked for. `me` is the caller, by subject and issuer; another subject may be one person at each issuer, so
 * `issuer` narrows it.
 */
export function personQuery(
  who: Principal,
  { user, issuer }: { user?: string | undefined; issuer?: string | undefined },
): { user?: string; issuer?: string } {
  if (user === 'me') return { user: who.subject, issuer: issuer ?? who.issuer }
  return withoutUndefined({ user, issuer })
}
