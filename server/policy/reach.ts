import type { PolicyPlace, PolicyRequest } from '../core/policy.ts'
import type { Action } from '../core/vocabulary.ts'
import type { CompiledRule } from './match-rule.ts'

/** A store compares each of its rows with each of them. */
const maxPatterns = 100

/**
 * Where the rules about somebody may give one of the actions: times, labels and denials set aside, so never too little. Undefined
 * where that is everywhere, or too much to be told.
 */
export function reachOf(
  rules: readonly CompiledRule[],
  who: PolicyRequest['who'],
  wanted: readonly Action[],
): PolicyPlace[] | undefined {
  const places: PolicyPlace[] = []
  let patterns = 0
  for (const compiled of rules) {
    const { rule, actions } = compiled
    if (rule.effect === 'deny' || !wanted.some((action) => actions.has(action)) || !compiled.matchesWho(who))
      continue
    const { environments, namespaces, targets } = rule.where
    patterns += [environments, namespaces, targets].reduce((sum, part) => sum + (part?.length ?? 0), 0)
    const isAnywhere = environments === undefined && namespaces === undefined && targets === undefined
    if (isAnywhere || patterns > maxPatterns) return undefined
    places.push({
      ...(environments !== undefined && { environments }),
      ...(namespaces !== undefined && { namespaces }),
      ...(targets !== undefined && { names: targets }),
    })
  }
  return places
}
