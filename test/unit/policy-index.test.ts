/** What the index leaves out must never be missed: every answer is compared with one for which all rules were walked through. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PolicyRequest, PolicyTarget } from '../../server/core/policy.ts'
import type { Action } from '../../server/core/vocabulary.ts'
import { compilePolicy } from '../../server/policy/compile-policy.ts'
import { targetFacts, type TargetFact } from '../../server/core/vocabulary.ts'
import { decide } from '../../server/policy/decide.ts'
import { atOnce } from '../../server/core/steps.ts'
import { compileRules } from '../../server/policy/match-rule.ts'
import { indexRules } from '../../server/policy/rule-index.ts'
import type { LabelExpression, Rule } from '../../server/policy/rule.ts'
import { compileWindow } from '../../server/policy/time-window.ts'
import { RandomPolicy } from '../support/random-policy.ts'

const random = new RandomPolicy(20_261_124)
const noon = new Date('2026-11-24T12:00:00Z')

/** The same meaning in other words: a regular expression. */
function fits(pattern: string, text: string): boolean {
  const source = pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, (symbol) =>
    symbol === '*' ? '[^]*' : symbol === '?' ? '[^]' : `\\${symbol}`,
  )
  return new RegExp(`^${source}$`).test(text)
}
const fitsAny = (patterns: readonly string[], texts: readonly string[]) =>
  patterns.some((pattern) => texts.some((text) => fits(pattern, text)))

function speaksOf(
  { where }: Rule,
  target: PolicyTarget | undefined,
  names: readonly string[],
  facts: readonly TargetFact[],
): boolean {
  if (target === undefined) return Object.keys(where).length === 0
  const { environment, namespace, labels } = target
  const label = (key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined)
  const holds = ({ key, operator, values }: LabelExpression) => {
    const value = label(key)
    if (operator === 'Exists') return value !== undefined
    if (operator === 'DoesNotExist') return value === undefined
    return (operator === 'In') === (value !== undefined && values.includes(value))
  }
  return (
    (where.environments === undefined || fitsAny(where.environments, [environment])) &&
    (where.namespaces === undefined ||
      fitsAny(where.namespaces, namespace === undefined ? [] : [namespace])) &&
    (where.targets === undefined || fitsAny(where.targets, names)) &&
    Object.entries(where.labels ?? {}).every(([key, values]) => {
      const value = label(key)
      return value !== undefined && (values.includes('*') || values.includes(value))
    }) &&
    (where.matchExpressions ?? []).every(holds) &&
    (where.facts === undefined || where.facts.some((fact) => facts.includes(fact)))
  )
}

function does({ actions, effect, when }: Rule, action: Action, at: Date): boolean {
  const implied =
    action === 'list' &&
    effect !== 'deny' &&
    !actions.includes('list') &&
    actions.some((other) => other !== 'read-audit')
  return implied || (actions.includes(action) && (when === undefined || compileWindow(when)(at)))
}

/** Walks through all rules and keeps nothing. */
function walk(rules: readonly Rule[], { who, action, target }: PolicyRequest, at: Date): Rule[] {
  const names = target === undefined ? [] : [target.name, ...(target.names ?? [])]
  const about = rules.filter(
    (rule) =>
      (rule.who.everyone ||
        fitsAny(rule.who.subjects, [who.subject]) ||
        fitsAny(rule.who.groups, who.groups)) &&
      does(rule, action, at),
  )
  const { facts, unknownFacts = [], claims = [] } = target ?? {}
  const possible = facts === undefined ? targetFacts : [...facts, ...unknownFacts]
  const plain = about.filter((rule) => speaksOf(rule, target, names, facts ?? []))
  const given = plain.some(({ effect }) => effect !== 'deny')
  return about.filter(
    (rule) =>
      plain.includes(rule) ||
      ((rule.effect === 'deny' || (rule.effect === 'require-approval' && given)) &&
        speaksOf(rule, target, [...names, ...claims], possible)),
  )
}

function assertSame(rules: readonly Rule[], request: PolicyRequest, at = noon): Rule[] {
  const expected = walk(rules, request, at)
  const set = atOnce(compileRules(rules))
  const walked = {
    ...set,
    matching: () => set.all.filter(({ rule }) => expected.includes(rule)),
  }
  const policy = compilePolicy(rules, 'v').at(at)
  const about = JSON.stringify({ rules, request })
  assert.deepEqual(policy.decide(request), decide(walked, request, at), about)
  const { matching } = policy.explain(request)
  assert.deepEqual(
    matching.map(({ name }) => name),
    expected.map(({ name }) => name),
    about,
  )
  const denying = expected.filter(({ effect }) => effect === 'deny').map(({ name }) => name)
  const decision = policy.decide(request)
  if (denying.length > 0) assert.deepEqual([decision.effect, decision.rules], ['deny', denying])
  return expected
}

describe('the index of the rules', () => {
  it('misses no rule and changes no order, in small policies', () => {
    let [matched, denied] = [0, 0]
    for (let round = 0; round < 5000; round++) {
      const found = assertSame(random.rules(random.below(7)), random.request())
      matched += found.length
      denied += found.filter(({ effect }) => effect === 'deny').length
    }
    assert.ok(matched > 1000 && denied > 200, `only ${matched} rules matched, ${denied} of them deny`)
  })

  it('misses none in large ones, whose rules are told apart by different things', () => {
    let matched = 0
    for (let round = 0; round < 40; round++) {
      const rules = random.rules(300)
      for (let asked = 0; asked < 5; asked++) matched += assertSame(rules, random.request()).length
    }
    assert.ok(matched > 1000, `only ${matched} rules matched`)
  })

  it('misses none at the edges of a text, and with what no pattern means', () => {
    const texts = ['', 'w', 'we', 'web', 'web-', 'webweb', '\uD83D\uDE00', 'a*b', '__proto__', 'constructor']
    const patterns = [
      ...texts,
      '*',
      '?',
      '??',
      '*?',
      'w*',
      '*b',
      'w*b',
      'we*web',
      '*ebw*',
      'web*',
      '*web',
      '\uD83D*',
    ]
    for (const pattern of patterns.filter((text) => text !== ''))
      for (const text of texts)
        for (const where of [
          { targets: [pattern] },
          { namespaces: [pattern] },
          { environments: [pattern] },
          { labels: { [pattern]: [pattern] } },
        ]) {
          const rule: Rule = { ...anyone, where }
          const labels = JSON.parse(`{${JSON.stringify(text)}: ${JSON.stringify(text)}}`)
          const target = { environment: text, namespace: text, name: 'other', names: [text], labels }
          assertSame([rule], { who: { subject: text, groups: [text] }, action: 'open', target })
          const who = { everyone: false, groups: [pattern], subjects: [] }
          assertSame([{ ...rule, who, where: {} }], { who: { subject: 'x', groups: [text] }, action: 'open' })
        }
  })

  it('leaves most rules of a large policy alone', () => {
    const shapes: ((index: number) => Partial<Rule>)[] = [
      (index) => ({ who: { everyone: false, groups: [`g${index}`], subjects: [] } }),
      (index) => ({ who: { everyone: false, groups: [], subjects: [`*-${index}@example.org`] } }),
      (index) => ({ where: { namespaces: [`ns-${index}`] } }),
      (index) => ({ where: { environments: ['*'], targets: [`pod/web-${index}-*`] } }),
      (index) => ({ where: { targets: [`*-${index}-*`] } }),
      (index) => ({ where: { labels: { app: [`web-${index}`] } } }),
      (index) => ({
        where: { matchExpressions: [{ key: 'app', operator: 'In', values: [`web-${index}`] }] },
      }),
      () => ({ actions: ['watch'] }),
    ]
    for (const shape of shapes) {
      const rules = Array.from({ length: 10_000 }, (_, index): Rule => ({ ...anyone, ...shape(index) }))
      const index = atOnce(indexRules(atOnce(compileRules(rules)).all))
      const places: number[] = []
      const target = {
        environment: 'p',
        namespace: 'ns-4711',
        name: 'pod/web-4711-x',
        labels: { app: 'web-4711' },
      }
      index.each(
        { who: { subject: 'u-4711@example.org', groups: ['g4711'] }, action: 'open', target },
        (place) => places.push(place),
      )
      assert.ok(places.length < 500, `${places.length} rules are judged of ${String(shape)}`)
      assert.equal(places.includes(4711), shape(0).actions === undefined)
    }
  })
})

const anyone: Rule = {
  name: 'anyone',
  who: { everyone: true, groups: [], subjects: [] },
  actions: ['open'],
  where: {},
  effect: 'allow',
}
