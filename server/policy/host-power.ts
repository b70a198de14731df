/** What the default asks of policy beside a target by which a shell has power over the host. */
import type { Grant, PolicyRequest } from '../core/policy.ts'
import { factWords, inOrder, unjudgedFacts } from '../core/target-facts.ts'
import type { TargetFact } from '../core/vocabulary.ts'
import type { CompiledRule } from './match-rule.ts'
import { phrase, quote, verb, wayOut } from './words.ts'

/**
 * Why not, beside a target that gives power over its host: a rule has to name the profile `sysadmin`, or each of its facts.
 * Undefined when nothing is missing, and for a target that nobody has looked at.
 */
export function findPowerProblem(
  matching: readonly CompiledRule[],
  request: PolicyRequest,
  grant: Grant,
): string | undefined {
  const { target } = request
  if (target?.facts === undefined || grant.profiles.includes('sysadmin')) return undefined
  const { facts, unknownFacts = [] } = target
  // Rules that match by what the target merely may be name nothing.
  const naming = matching.filter((compiled) => compiled.rule.where.facts && compiled.matchesTarget(target))
  const named = inOrder(naming.flatMap(({ rule }) => rule.where.facts ?? [])).filter((fact) =>
    facts.includes(fact),
  )
  const missing = unjudgedFacts({ facts, unknownFacts }, named)
  if (missing.length === 0) return undefined
  const known = missing.filter((fact) => facts.includes(fact))
  const isKnown = known.length === missing.length
  const names = `${quote(matching)} ${isKnown ? verb(matching, 'names', 'name') + ' neither' : verb(matching, 'does', 'do') + ' not'}`
  return `${whatItIs(known, missing)} Whoever has a shell there has power over its host: before you may ${phrase(request)}, a rule has to name the profile sysadmin${isKnown ? `, or ${toName(known)}` : ''}. ${names}. ${wayOut}`
}

function whatItIs(known: readonly TargetFact[], missing: readonly TargetFact[]): string {
  if (known.length > 0) return `The target ${inWords(known, 'and')}.`
  return `It could not be found out whether the target ${inWords(missing, 'or')}.`
}

function inWords(facts: readonly TargetFact[], last: 'and' | 'or'): string {
  return facts.map((fact) => factWords[fact]).join(`, ${last} `)
}

function toName(known: readonly TargetFact[]): string {
  return `${known.length === 1 ? 'the fact' : 'the facts'} in where: {facts: [${known.join(', ')}]}`
}
