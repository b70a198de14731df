import type { MissedRule, NearRule, PolicyRequest } from '../core/policy.ts'
import type { CompiledRule } from './match-rule.ts'
import { formatWindow } from './time-window.ts'
import { phrase, shorten, wayOut } from './words.ts'

// A page of targets asks this once per target.
const maxHintedRules = 500
const maxNear = 3
const maxMissed = 200

/** Default deny, with the rules that came close and what they ask for. */
export function explainNoRule(rules: readonly CompiledRule[], request: PolicyRequest, at: Date): string {
  const start = `No rule lets ${request.who.subject} ${phrase(request)}.`
  // Lists ask once per container; nobody reads why one is left out.
  if (request.action === 'list') return start
  const near = findNear(rules, request, at).map(sentence)
  return near.length === 0 ? `${start} ${wayOut}` : `${start} ${near.join(' ')}`
}

/** Up to three rules that lack just one thing. Rules about other targets are not among them: they would tell of those. */
export function findNear(rules: readonly CompiledRule[], request: PolicyRequest, at: Date): NearRule[] {
  const near: NearRule[] = []
  for (const compiled of rules.slice(0, maxHintedRules)) {
    if (near.length === maxNear) break
    const found = nearMiss(compiled, request, at)
    if (found !== undefined) near.push(found)
  }
  return near
}

/** The rules that are not among the matching ones, in file order, each with all that it lacks. */
export function findMissed(
  rules: readonly CompiledRule[],
  matching: readonly CompiledRule[],
  { who, action, target }: PolicyRequest,
  at: Date,
): MissedRule[] {
  const matches = new Set(matching)
  return rules
    .filter((compiled) => !matches.has(compiled))
    .slice(0, maxMissed)
    .map((compiled) => {
      const { name, effect } = compiled.rule
      const lacks: MissedRule['lacks'][number][] = []
      if (!compiled.matchesWho(who)) lacks.push('who')
      if (!compiled.actions.has(action)) lacks.push('action')
      if (!compiled.matchesTarget(target)) lacks.push('where')
      if (!compiled.matchesTime(action, at)) lacks.push('time')
      return { name, effect, lacks }
    })
}

function nearMiss(compiled: CompiledRule, request: PolicyRequest, at: Date): NearRule | undefined {
  const { rule } = compiled
  if (rule.effect === 'deny' || !compiled.matchesTarget(request.target)) return undefined
  const { name, effect } = rule
  const who = compiled.matchesWho(request.who)
  const action = compiled.actions.has(request.action)
  const time = compiled.matchesTime(request.action, at)
  if (!who && action && time) return { name, effect, lacks: 'who', wants: formatWho(compiled) }
  if (who && !action && time) return { name, effect, lacks: 'action', wants: rule.actions.join(', ') }
  if (who && action && !time && rule.when !== undefined)
    return { name, effect, lacks: 'time', wants: formatWindow(rule.when) }
  return undefined
}

function sentence({ name, effect, lacks, wants }: NearRule): string {
  const approved = effect === 'allow' ? '' : ', with an approval,'
  switch (lacks) {
    case 'who':
      return `The rule "${name}" would allow it${approved} for ${wants}.`
    case 'action':
      return `The rule "${name}" lets you only ${wants}.`
    case 'time':
      return `The rule "${name}" would allow it${approved} at another time: ${wants}.`
    default:
      return lacks satisfies never
  }
}

function formatWho({ rule }: CompiledRule): string {
  const parts = [
    rule.who.groups.length > 0 ? `members of ${shorten(rule.who.groups)}` : '',
    rule.who.subjects.length > 0 ? `the subjects ${shorten(rule.who.subjects)}` : '',
  ]
  return parts.filter((part) => part !== '').join(' and ')
}
