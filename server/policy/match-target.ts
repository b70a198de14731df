import type { PolicyTarget } from '../core/policy.ts'
import { targetFacts, type TargetFact } from '../core/vocabulary.ts'
import { compileGlob, isGlob } from './glob.ts'
import type { LabelExpression, Where } from './rule.ts'

type Match = (text: string) => boolean
const always = () => true

/** Whether a target is one of those that a `where` speaks of. One that says nothing speaks of all, and of what has no target. */
export function compileWhere(where: Where): (target: PolicyTarget | undefined) => boolean {
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
      const value = valueOf(labels, label)
      return value !== undefined && (values.includes('*') || values.includes(value))
    })
  }
  for (const expression of where.matchExpressions ?? []) {
    checks.push(({ labels }) => matchesExpression(expression, valueOf(labels, expression.key)))
  }
  const { facts: wanted } = where
  if (wanted !== undefined) checks.push(({ facts }) => facts?.some((fact) => wanted.includes(fact)) ?? false)
  const [only, ...others] = checks
  if (only === undefined) return always
  if (others.length === 0) return (target) => target !== undefined && only(target)
  return (target) => target !== undefined && checks.every((check) => check(target))
}

/** All that it may have; of one that nobody has looked at, everything. */
export function possibleFacts({ facts, unknownFacts = [] }: PolicyTarget): readonly TargetFact[] {
  if (facts === undefined) return targetFacts
  return unknownFacts.length === 0 ? facts : [...facts, ...unknownFacts]
}

function valueOf(labels: PolicyTarget['labels'], key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined
}

function matchesExpression({ operator, values }: LabelExpression, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return operator satisfies never
  }
}

/** Plain texts by hash, so that a rule with a thousand groups costs as much as one with one. */
export function anyOf(patterns: readonly string[]): Match {
  const exact = new Set(patterns.filter((pattern) => !isGlob(pattern)))
  const globs = patterns.filter(isGlob).map(compileGlob)
  if (globs.length === 0) return (text) => exact.has(text)
  const [glob, ...others] = globs
  if (glob !== undefined && others.length === 0 && exact.size === 0) return glob
  return (text) => exact.has(text) || globs.some((glob) => glob(text))
}
