import type { PolicyRequest, PolicyTarget } from '../core/policy.ts'
import type { Action } from '../core/vocabulary.ts'
import type { Steps } from '../core/steps.ts'
import { anyOf, compileWhere, possibleFacts } from './match-target.ts'
import { compilePattern } from './pattern.ts'
import { indexRules } from './rule-index.ts'
import type { Rule } from './rule.ts'
import { compileWindow } from './time-window.ts'

/** A rule whose patterns are ready to be matched, part by part so that a refusal can say which part was missing. */
export interface CompiledRule {
  readonly rule: Rule
  /** With those that others imply. */
  readonly actions: ReadonlySet<Action>
  matchesWho(who: PolicyRequest['who']): boolean
  matchesTarget(target: PolicyTarget | undefined): boolean
  /** Whoever may do something at some times sees the target at all times, and is told when. */
  matchesTime(action: Action, at: Date): boolean
}

export interface RuleSet {
  readonly all: readonly CompiledRule[]
  /** The rules that match a request at one moment, in file order. */
  matching(request: PolicyRequest, at: Date): CompiledRule[]
  /** Whether a reason or a ticket is as one of the rules' expressions wants it. */
  fits(pattern: string, text: string): boolean
}

export function* compileRules(rules: readonly Rule[]): Steps<RuleSet> {
  const all: CompiledRule[] = []
  for (const rule of rules) {
    all.push(compileRule(rule))
    yield
  }
  const index = yield* indexRules(all)
  const expressions = yield* compileExpressions(rules)
  const looksAtFacts = rules.some(({ where }) => where.facts !== undefined)
  return {
    all,
    matching: (request, at) => {
      const { who, action, target } = request
      const claimed = claimedTarget(target, looksAtFacts)
      const found: CompiledRule[] = []
      const byClaim = new Set<CompiledRule>()
      index.each(request, (place) => {
        const compiled = all[place]
        if (compiled === undefined || !compiled.matchesWho(who) || !compiled.matchesTime(action, at)) return
        if (!compiled.matchesTarget(target)) {
          if (claimed === undefined || !compiled.matchesTarget(claimed)) return
          byClaim.add(compiled)
        }
        found.push(compiled)
      })
      return byClaim.size === 0 ? found : takingAlone(found, byClaim)
    },
    fits: (pattern, text) => expressions.get(pattern)?.(text) === true,
  }
}

/** With what the target merely says that it is part of, and may have; undefined when there is nothing of the kind. */
function claimedTarget(target: PolicyTarget | undefined, looksAtFacts: boolean): PolicyTarget | undefined {
  if (target === undefined) return undefined
  const maybe = looksAtFacts ? possibleFacts(target) : target.facts
  if (target.claims === undefined && maybe === target.facts) return undefined
  return {
    ...target,
    ...(target.claims !== undefined && { names: [...(target.names ?? []), ...target.claims] }),
    ...(maybe !== undefined && { facts: maybe }),
  }
}

/** What a target merely claims to be part of, or may have, can take away what another rule gives, and gives nothing. */
function takingAlone(found: readonly CompiledRule[], byClaim: ReadonlySet<CompiledRule>): CompiledRule[] {
  const isGiven = found.some((compiled) => compiled.rule.effect !== 'deny' && !byClaim.has(compiled))
  return found.filter(
    (compiled) =>
      !byClaim.has(compiled) ||
      compiled.rule.effect === 'deny' ||
      (compiled.rule.effect !== 'allow' && isGiven),
  )
}

/** Each once, however many rules share it. */
function* compileExpressions(rules: readonly Rule[]): Steps<Map<string, (text: string) => boolean>> {
  const sources = rules.flatMap(({ reasonPattern = [], ticketPattern = [] }) => [
    reasonPattern,
    ticketPattern,
  ])
  const expressions = new Map<string, (text: string) => boolean>()
  for (const source of new Set(sources.flat())) {
    expressions.set(source, compilePattern(source))
    yield
  }
  return expressions
}

const always = () => true

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
    actions,
    matchesWho: rule.who.everyone ? always : (who) => subjects(who.subject) || who.groups.some(groups),
    matchesTarget: compileWhere(rule.where),
    matchesTime: compileTime(rule),
  }
}

function compileTime(rule: Rule): CompiledRule['matchesTime'] {
  if (rule.when === undefined) return always
  const inWindow = compileWindow(rule.when)
  const impliesList = rule.effect !== 'deny' && !rule.actions.includes('list')
  return (action, at) => {
    if (action === 'list' && impliesList) return true
    // A moment that is none must not let a deny rule slip.
    return Number.isNaN(at.getTime()) ? rule.effect !== 'allow' : inWindow(at)
  }
}
