import type { Action, PolicyRequest, PolicyTarget } from '../core/policy.ts'
import { anyOf, compileWhere, isGlob } from './match-target.ts'
import { compilePattern } from './pattern.ts'
import type { Rule } from './rule.ts'
import { compileWindow } from './time-window.ts'

/** A rule whose patterns are ready to be matched, part by part so that a refusal can say which part was missing. */
export interface CompiledRule {
  readonly rule: Rule
  /** Its place in the file. */
  readonly index: number
  matchesWho(who: PolicyRequest['who']): boolean
  matchesAction(action: Action): boolean
  matchesTarget(target: PolicyTarget | undefined): boolean
  /** Whoever may do something at some times sees the target at all times, and is told when. */
  matchesTime(action: Action, at: Date): boolean
  /** True where the rule asks for no pattern. */
  fitsReason(reason: string): boolean
  fitsTicket(ticket: string): boolean
}

export interface RuleSet {
  readonly all: readonly CompiledRule[]
  /** The rules that match a request at one moment, in file order. */
  matching(request: PolicyRequest, at: Date): CompiledRule[]
}

const maxRememberedCallers = 200

/** Remembers which rules speak about a caller: a page of targets asks for the same one hundreds of times. */
export function createRuleSet(rules: readonly Rule[]): RuleSet {
  const all = rules.map(compileRule)
  const candidates = indexByCaller(all)
  const remembered = new Map<string, CompiledRule[]>()
  const rulesFor = (who: PolicyRequest['who']) => {
    const key = JSON.stringify([who.subject, who.groups])
    let mine = remembered.get(key)
    if (mine === undefined) {
      mine = candidates(who).filter((compiled) => compiled.matchesWho(who))
      if (remembered.size >= maxRememberedCallers) remembered.clear()
      remembered.set(key, mine)
    }
    return mine
  }
  return {
    all,
    matching: ({ who, action, target }, at) => {
      const speaking = rulesFor(who).filter(
        (compiled) => compiled.matchesAction(action) && compiled.matchesTime(action, at),
      )
      return matchingTarget(speaking, target)
    },
  }
}

/** What a target merely claims to be part of can take away what another rule gives, and gives nothing. */
function matchingTarget(rules: readonly CompiledRule[], target: PolicyTarget | undefined): CompiledRule[] {
  const matching = rules.filter((compiled) => compiled.matchesTarget(target))
  if (target?.claims === undefined) return matching
  const claimed = { ...target, names: [...(target.names ?? []), ...target.claims] }
  const isGiven = matching.some(({ rule }) => rule.effect !== 'deny')
  const found = new Set(matching)
  return rules.filter((compiled) => {
    if (found.has(compiled)) return true
    const takes = compiled.rule.effect === 'deny' || (compiled.rule.effect !== 'allow' && isGiven)
    return takes && compiled.matchesTarget(claimed)
  })
}

/** Rules that name a group or a subject exactly are found by it; only those with patterns are tried one by one. */
function indexByCaller(all: readonly CompiledRule[]): (who: PolicyRequest['who']) => CompiledRule[] {
  const byGroup = new Map<string, CompiledRule[]>()
  const bySubject = new Map<string, CompiledRule[]>()
  const others: CompiledRule[] = []
  for (const compiled of all) {
    const { everyone, groups, subjects } = compiled.rule.who
    if (everyone || [...groups, ...subjects].some(isGlob)) {
      others.push(compiled)
      continue
    }
    for (const group of new Set(groups)) append(byGroup, group, compiled)
    for (const subject of new Set(subjects)) append(bySubject, subject, compiled)
  }
  return ({ subject, groups }) => {
    const named = new Set(bySubject.get(subject) ?? [])
    for (const group of groups) for (const compiled of byGroup.get(group) ?? []) named.add(compiled)
    if (named.size === 0) return others
    return [...others, ...named].toSorted((a, b) => a.index - b.index)
  }
}

function append(index: Map<string, CompiledRule[]>, key: string, compiled: CompiledRule): void {
  const there = index.get(key)
  if (there === undefined) index.set(key, [compiled])
  else there.push(compiled)
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

function compileRule(rule: Rule, index: number): CompiledRule {
  const groups = anyOf(rule.who.groups)
  const subjects = anyOf(rule.who.subjects)
  const actions = new Set(rule.actions)
  if (rule.effect !== 'deny' && rule.actions.some((action) => targetActions.includes(action)))
    actions.add('list')
  return {
    rule,
    index,
    matchesWho: (who) => rule.who.everyone || subjects(who.subject) || who.groups.some(groups),
    matchesAction: (action) => actions.has(action),
    matchesTarget: compileWhere(rule.where),
    matchesTime: compileTime(rule),
    fitsReason: rule.reasonPattern === undefined ? always : compilePattern(rule.reasonPattern),
    fitsTicket: rule.ticketPattern === undefined ? always : compilePattern(rule.ticketPattern),
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
