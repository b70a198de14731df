import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Decision, type PolicyRequest } from '../../server/core/policy.ts'
import { ruleEffects } from '../../server/core/vocabulary.ts'
import { compilePolicy } from '../../server/policy/compile-policy.ts'
import type { Rule } from '../../server/policy/rule.ts'
import { weekdays } from '../../server/policy/time-window.ts'
import { RandomPolicy } from '../support/random-policy.ts'

const random = new RandomPolicy(20_251_123)
const noon = new Date('2026-11-24T12:00:00Z')
const decide = (rules: readonly Rule[], request: PolicyRequest) =>
  compilePolicy(rules, 'v').at(noon).decide(request)
const generosity = ({ effect }: Decision) => ['deny', 'require-approval', 'allow'].indexOf(effect)
const cases = Array.from({ length: 5000 }, () => ({
  rules: random.rules(random.below(8)),
  request: random.request(),
}))

describe('whatever the rules are', () => {
  it('no added rule turns a deny by a deny rule into an allow', () => {
    let seen = 0
    for (const { rules, request } of cases) {
      const before = decide(rules, request)
      const denying = rules.filter(({ name, effect }) => effect === 'deny' && before.rules.includes(name))
      if (before.effect === 'allow' || denying.length === 0) continue
      seen++
      const added = random.rules(1 + random.below(3))
      for (const place of [0, random.below(rules.length + 1), rules.length]) {
        const after = decide(rules.toSpliced(place, 0, ...added), request)
        assert.equal(after.effect, 'deny')
        assert.ok(denying.every(({ name }) => after.rules.includes(name)))
      }
    }
    assert.ok(seen > 200, `only ${seen} cases were about deny rules`)
  })

  it('an added deny rule never gives more', () => {
    for (const { rules, request } of cases) {
      const before = decide(rules, request)
      assert.ok(generosity(decide([...rules, random.rule(['deny'])], request)) <= generosity(before))
    }
  })

  it('an added rule that requires an approval never lets anything go without one', () => {
    let seen = 0
    for (const { rules, request } of cases) {
      const before = decide(rules, request)
      const added = random.rule(['require-approval'])
      const after = decide([...rules, added], request)
      if (before.effect !== 'allow') assert.ok(after.effect !== 'allow' || request.action === 'list')
      if (request.action !== 'list' && after.rules.includes(added.name)) {
        seen++
        assert.notEqual(after.effect, 'allow')
      }
    }
    assert.ok(seen > 200, `only ${seen} added rules matched`)
  })

  it('an approval is always asked of somebody, and no rule that asks is left out', () => {
    let seen = 0
    for (const { rules, request } of cases) {
      const decision = decide(rules, request)
      if (decision.effect !== 'require-approval') continue
      seen++
      const { needs, breakGlass } = decision.approval
      const asking = rules.filter(
        ({ name, effect }) => effect === 'require-approval' && decision.rules.includes(name),
      )
      assert.deepEqual(
        needs.map(({ rule }) => rule),
        asking.map(({ name }) => name),
      )
      assert.ok(needs.every(({ groups, count }) => groups.length > 0 && count >= 1))
      const mayBreak = ({ breakGlass: glass }: Rule) =>
        glass?.groups.some((group) => request.who.groups.includes(group)) ?? false
      assert.equal(breakGlass, asking.every(mayBreak))
    }
    assert.ok(seen > 80, `only ${seen} cases required an approval`)
  })

  it('the order of rules changes neither effect nor limits', () => {
    let allowed = 0
    for (const { rules, request } of cases) {
      const forwards = decide(rules, request)
      const backwards = decide(rules.toReversed(), request)
      assert.equal(forwards.effect, backwards.effect)
      if (forwards.effect === 'deny' || backwards.effect === 'deny') continue
      allowed++
      assert.deepEqual(forwards.grant.profiles.toSorted(), backwards.grant.profiles.toSorted())
      assert.deepEqual(forwards.grant.toolboxes?.toSorted(), backwards.grant.toolboxes?.toSorted())
      assert.equal(forwards.grant.maxDurationMs, backwards.grant.maxDurationMs)
      assert.equal(forwards.grant.requireReason, backwards.grant.requireReason)
    }
    assert.ok(allowed > 200, `only ${allowed} cases were allowed`)
  })

  it('what is granted is within what every deciding rule names', () => {
    for (const { rules, request } of cases) {
      const decision = decide(rules, request)
      if (decision.effect !== 'allow') continue
      const deciding = rules.filter(({ name }) => decision.rules.includes(name))
      assert.ok(deciding.length > 0)
      for (const { profiles, toolboxes, maxDurationMs, requireReason } of deciding) {
        if (profiles !== undefined)
          assert.ok(decision.grant.profiles.every((profile) => profiles.includes(profile)))
        if (toolboxes !== undefined)
          assert.ok(decision.grant.toolboxes?.every((name) => toolboxes.includes(name)))
        if (maxDurationMs !== undefined) assert.ok(decision.grant.maxDurationMs <= maxDurationMs)
        if (requireReason === true) assert.equal(decision.grant.requireReason, true)
      }
      if (request.profile !== undefined) assert.ok(decision.grant.profiles.includes(request.profile))
    }
  })

  it('the same question has the same answer', () => {
    for (const { rules, request } of cases.slice(0, 500)) {
      const compiled = compilePolicy(rules, 'v')
      const policy = compiled.at(noon)
      const first = policy.decide(request)
      policy.decide(random.request())
      compiled.at(new Date('2031-05-04T23:59:59Z')).decide(request)
      assert.deepEqual(policy.decide(structuredClone(request)), first)
      assert.deepEqual(compilePolicy(rules, 'v').at(new Date(noon)).explain(request).decision, first)
    }
  })

  it('every question has an answer, however odd, and neither rules nor question are touched', () => {
    const odd = () => random.oddText()
    const moments = [new Date(0), new Date(8.64e15), new Date(-8.64e15), new Date(Number.NaN), noon]
    for (const { rules, request } of cases.slice(0, 2000)) {
      const oddRule: Rule = {
        ...random.rule(),
        who: { everyone: false, groups: [odd()], subjects: [odd(), '*'] },
        where: { targets: [odd(), '*'], labels: JSON.parse(`{${JSON.stringify(odd())}: ["*"]}`) },
      }
      const question: PolicyRequest = {
        ...request,
        who: { subject: odd(), groups: [odd(), ...request.who.groups] },
        ...random.maybe('target', () => ({
          environment: odd(),
          name: odd(),
          names: [odd()],
          claims: [odd()],
          labels: JSON.parse(`{${JSON.stringify(odd())}: "x", "__proto__": "front"}`),
        })),
        reason: odd(),
        ticket: odd(),
      }
      const frozen = deepFreeze([...rules, oddRule])
      const policy = compilePolicy(frozen, 'v').at(random.pick(moments))
      const { decision } = policy.explain(deepFreeze(question))
      assert.ok(ruleEffects.includes(decision.effect))
      assert.deepEqual(policy.decide(question), decision)
    }
  })

  it('a moment that is none opens nothing and slips past no deny rule', () => {
    const when = { days: weekdays, timeZone: 'UTC' }
    const at = (effect: Rule['effect']) =>
      compilePolicy(
        [{ ...random.rule([effect]), when, who: everybody, actions: ['open'], where: {} }, anyone],
        'v',
      )
        .at(new Date(Number.NaN))
        .decide({ who: { subject: 'ada', groups: [] }, action: 'open', ticket: 'INC-1', reason: 'INC-1' })
    assert.equal(at('deny').effect, 'deny')
    assert.notEqual(at('require-approval').effect, 'allow')
    assert.deepEqual(at('allow').rules, ['anyone'])
  })
})

const everybody = { everyone: true, groups: [], subjects: [] }
const anyone: Rule = { name: 'anyone', who: everybody, actions: ['open'], where: {}, effect: 'allow' }

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}

/** How often a decision looks at its target and at its caller's groups, with so many rules that all have to be tried. */
function countLooks(ruleCount: number): number {
  let looks = 0
  const counting = <T extends object>(value: T): T =>
    new Proxy(value, {
      get(target, key, receiver) {
        looks++
        return Reflect.get(target, key, receiver)
      },
    })
  const rules = Array.from({ length: ruleCount }, (_, index): Rule => ({
    name: `rule ${index}`,
    who: index % 2 === 0 ? everybody : { everyone: false, groups: [`*${index % 10}?`], subjects: [] },
    actions: ['open'],
    where: {
      targets: [`*${index % 100}*`, 'w*'],
      matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['y', `${index}`] }],
    },
    when: { days: weekdays, timeZone: 'Europe/Berlin' },
    effect: random.pick(ruleEffects),
    approval: { groups: ['leads'], count: 1 },
  }))
  const policy = compilePolicy(rules, 'v').at(noon)
  const target = counting({
    environment: 'local',
    name: 'web',
    names: ['web'],
    labels: counting({ tier: 'y' }),
  })
  const groups = counting(['a', 'b', 'c'])
  policy.decide({ who: { subject: 's', groups }, action: 'open', target })
  return looks
}

describe('many rules', () => {
  it('cost as much each as few do', () => {
    const [few, more, many] = [countLooks(500), countLooks(1000), countLooks(4000)]
    assert.ok(few > 500, `only ${few} looks: the rules were not tried`)
    assert.ok(more <= 2 * few + 20, `${few} looks for 500 rules, ${more} for 1000`)
    assert.ok(many <= 8 * few + 20, `${few} looks for 500 rules, ${many} for 4000`)
  })

  it('are all looked at: the last of 10,000 decides like the first', () => {
    const rules = Array.from({ length: 10_000 }, (_, index) => ({
      name: `rule ${index}`,
      who: { everyone: false, groups: [`g${index}`], subjects: [] },
      actions: ['open'] as const,
      where: {},
      effect: 'allow' as const,
    }))
    const policy = compilePolicy(rules, 'v').at(noon)
    for (const index of [0, 5000, 9999]) {
      const decision = policy.decide({
        who: { subject: 's', groups: [`g${index}`] },
        action: 'open',
        target: { environment: 'local', name: 'web', labels: {} },
        reason: 'INC-1',
      })
      assert.deepEqual([decision.effect, decision.rules], ['allow', [`rule ${index}`]])
    }
  })
})
