import type { Action, PolicyRequest, PolicyTarget } from '../core/policy.ts'
import { compileGlob } from './glob.ts'
import type { Rule } from './rule.ts'

/** A rule whose patterns are ready to be matched, part by part so that a refusal can say which part was missing. */
export interface CompiledRule {
  readonly rule: Rule
  matchesWho(who: PolicyRequest['who']): boolean
  matchesAction(action: Action): boolean
  matchesTarget(target: PolicyTarget | undefined): boolean
}

export interface RuleSet {
  readonly all: readonly CompiledRule[]
  /** The rules that match a request, in file order. */
  matching(request: PolicyRequest): Rule[]
}

const maxRememberedCallers = 200

/** Remembers which rules speak about a caller: a page of targets asks for the same one hundreds of times. */
export function createRuleSet(rules: readonly Rule[]): RuleSet {
  const all = rules.map(compileRule)
  const remembered = new Map<string, CompiledRule[]>()
  const rulesFor = (who: PolicyRequest['who']) => {
    const key = JSON.stringify([who.subject, who.groups])
    let mine = remembered.get(key)
    if (mine === undefined) {
      mine = all.filter((compiled) => compiled.matchesWho(who))
      if (remembered.size >= maxRememberedCallers) remembered.clear()
      remembered.set(key, mine)
    }
    return mine
  }
  return {
    all,
    matching: ({ who, action, target }) => {
      const speaking = rulesFor(who).filter((compiled) => compiled.matchesAction(action))
      return matchingTarget(speaking, target).map((compiled) => compiled.rule)
    },
  }
}

/** What a target merely claims to be part of can take away what another rule gives, and gives nothing. */
function matchingTarget(rules: readonly CompiledRule[], target: PolicyTarget | undefined): CompiledRule[] {
  const matching = rules.filter((compiled) => compiled.matchesTarget(target))
  if (target?.claims === undefined) return matching
  const claimed = { ...target, names: [...(target.names ?? []), ...target.claims] }
  const isGiven = matching.some(({ rule }) => rule.effect !== 'deny')
  return rules.filter((compiled) => {
    if (matching.includes(compiled)) return true
    const takes = compiled.rule.effect === 'deny' || (compiled.rule.effect !== 'allow' && isGiven)
    return takes && compiled.matchesTarget(claimed)
  })
}

type Match = (text: string) => boolean

// Whoever may do anything with a target has to see it.
const targetActions: readonly Action[] = [
  'list',
  'open',
  'watch',
  'terminate',
  'run',
  'read-recording',
  'approve',
]

function compileRule(rule: Rule): CompiledRule {
  const groups = anyOf(rule.who.groups)
  const subjects = anyOf(rule.who.subjects)
  const actions = new Set(rule.actions)
  if (rule.effect !== 'deny' && rule.actions.some((action) => targetActions.includes(action)))
    actions.add('list')
  return {
    rule,
    matchesWho: (who) => rule.who.everyone || subjects(who.subject) || who.groups.some(groups),
    matchesAction: (action) => actions.has(action),
    matchesTarget: compileWhere(rule.where),
  }
}

function compileWhere(where: Rule['where']): CompiledRule['matchesTarget'] {
  const checks: ((target: PolicyTarget) => boolean)[] = []
  if (where.environments !== undefined) {
    const environments = anyOf(where.environments)
    checks.push((target) => environments(target.environment))
  }
  if (where.namespaces !== undefined) {
    const namespaces = anyOf(where.namespaces)
    checks.push(({ namespace }) => namespace !== undefined && namespaces(namespace))
  }
  if (where.targets !== undefined) {
    const names = anyOf(where.targets)
    checks.push(({ name, names: others }) => names(name) || (others?.some(names) ?? false))
  }
  for (const [label, values] of Object.entries(where.labels ?? {})) {
    checks.push(({ labels }) => {
      const value = Object.hasOwn(labels, label) ? labels[label] : undefined
      return value !== undefined && (values.includes('*') || values.includes(value))
    })
  }
  if (checks.length === 0) return () => true
  return (target) => target !== undefined && checks.every((check) => check(target))
}

/** Plain texts by hash, so that a rule with a thousand groups costs as much as one with one. */
function anyOf(patterns: readonly string[]): Match {
  const exact = new Set(patterns.filter((pattern) => !/[*?]/.test(pattern)))
  const globs = patterns.filter((pattern) => !exact.has(pattern)).map(compileGlob)
  if (globs.length === 0) return (text) => exact.has(text)
  return (text) => exact.has(text) || globs.some((glob) => glob(text))
}
