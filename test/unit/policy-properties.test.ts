import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { actions, ruleEffects, type Decision, type PolicyRequest } from '../../server/core/policy.ts'
import { profiles } from '../../server/core/target.ts'
import { compilePolicy } from '../../server/policy/compile-policy.ts'
import { labelOperators, type Rule } from '../../server/policy/rule.ts'
import { weekdays } from '../../server/policy/time-window.ts'

/** The same numbers on each run (mulberry32), so that a failure can be seen again. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const random = createRandom(20_251_123)
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
const some = <T>(items: readonly T[]): T[] => {
  const chosen = items.filter(() => random() < 0.4)
  return chosen.length > 0 ? chosen : [pick(items)]
}
const maybe = <K extends string, T>(key: K, value: () => T): Partial<Record<K, T>> =>
  random() < 0.4 ? ({ [key]: value() } as Partial<Record<K, T>>) : {}

const noon = new Date('2026-11-24T12:00:00Z')
let count = 0
function randomRule(
  effects: readonly Rule['effect'][] = ['allow', 'allow', 'allow', 'deny', 'require-approval'],
): Rule {
  const effect = pick(effects)
  return {
    name: `rule ${count++}`,
    who: {
      everyone: random() < 0.4,
      groups: some(['a', 'b', 'a*']),
      subjects: random() < 0.2 ? ['ada'] : [],
    },
    actions: some(actions),
    where: {
      ...maybe('environments', () => some(['local', 'prod', '*'])),
      ...maybe('targets', () => some(['web', 'w*', 'db'])),
      ...maybe('labels', () => ({ tier: some(['front', 'back', '*']) })),
      ...maybe('matchExpressions', () => [
        { key: 'tier', operator: pick(labelOperators), values: some(['front', 'back']) },
      ]),
    },
    ...maybe('when', () => ({
      days: some(weekdays),
      hours: [{ from: Math.floor(random() * 1440), to: Math.floor(random() * 1440) }],
      timeZone: pick(['UTC', 'Asia/Kathmandu', 'America/New_York']),
    })),
    effect,
    ...(effect === 'require-approval' && {
      approval: { groups: some(['leads', 'sec']), count: pick([1, 2]) },
      ...maybe('breakGlass', () => ({ groups: some(['a', 'b']) })),
    }),
    ...(effect === 'deny'
      ? {}
      : {
          ...maybe('profiles', () => some(profiles)),
          ...maybe('toolboxes', () => some(['x', 'y', 'z'])),
          ...maybe('requireReason', () => random() < 0.5),
          ...maybe('ticketPattern', () => pick(['INC-[0-9]+', '.*'])),
          ...maybe('maxDurationMs', () => 1000 * (1 + Math.floor(random() * 100))),
        }),
  }
}

function randomRequest(): PolicyRequest {
  return {
    who: { subject: pick(['ada', 'bob']), groups: random() < 0.2 ? [] : some(['a', 'b', 'ab']) },
    action: pick(actions),
    target: {
      environment: pick(['local', 'prod']),
      name: pick(['web', 'db']),
      labels: random() < 0.5 ? { tier: pick(['front', 'back']) } : {},
    },
    ...maybe('toolbox', () => pick(['x', 'y', 'z'])),
    ...maybe('profile', () => pick(profiles)),
    ...maybe('reason', () => pick(['', 'INC-1'])),
    ...maybe('ticket', () => pick(['', 'INC-1', 'x'])),
    ...maybe('prospective', () => random() < 0.5),
  }
}

const decide = (rules: readonly Rule[], request: PolicyRequest) =>
  compilePolicy(rules, 'v').at(noon).decide(request)
const generosity = ({ effect }: Decision) => ['deny', 'require-approval', 'allow'].indexOf(effect)
const cases = Array.from({ length: 5000 }, () => ({
  rules: Array.from({ length: Math.floor(random() * 6) }, () => randomRule()),
  request: randomRequest(),
}))

describe('whatever the rules are', () => {
  it('no added rule turns a deny by a deny rule into an allow', () => {
    let seen = 0
    for (const { rules, request } of cases) {
      const before = decide(rules, request)
      const denying = rules.filter(({ name, effect }) => effect === 'deny' && before.rules.includes(name))
      if (before.effect === 'allow' || denying.length === 0) continue
      seen++
      assert.equal(decide([...rules, randomRule()], request).effect, 'deny')
      assert.equal(decide([randomRule(), ...rules], request).effect, 'deny')
    }
    assert.ok(seen > 200, `only ${seen} cases were about deny rules`)
  })

  it('an added deny rule never gives more', () => {
    for (const { rules, request } of cases) {
      const before = decide(rules, request)
      assert.ok(generosity(decide([...rules, randomRule(['deny'])], request)) <= generosity(before))
    }
  })

  it('an added rule that requires an approval never lets anything go without one', () => {
    let seen = 0
    for (const { rules, request } of cases) {
      const before = decide(rules, request)
      const added = randomRule(['require-approval'])
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
      policy.decide(randomRequest())
      compiled.at(new Date('2031-05-04T23:59:59Z')).decide(request)
      assert.deepEqual(policy.decide(structuredClone(request)), first)
      assert.deepEqual(compilePolicy(rules, 'v').at(new Date(noon)).explain(request).decision, first)
    }
  })

  it('every question has an answer, however odd', () => {
    const odd = [
      '',
      ' ',
      '__proto__',
      'constructor',
      '\u0000',
      '\uD800',
      '*',
      '?'.repeat(300),
      'a'.repeat(10_000),
    ]
    const moments = [new Date(0), new Date(8.64e15), new Date(-8.64e15), new Date(Number.NaN)]
    for (const { rules, request } of cases.slice(0, 1000)) {
      const question: PolicyRequest = {
        who: { subject: pick(odd), groups: [pick(odd), ...request.who.groups] },
        action: pick(actions),
        ...maybe('target', () => ({
          environment: pick(odd),
          name: pick(odd),
          names: [pick(odd)],
          labels: JSON.parse(`{${JSON.stringify(pick(odd))}: "x", "__proto__": "front"}`),
        })),
        reason: pick(odd),
        ticket: pick(odd),
      }
      const { decision } = compilePolicy(rules, 'v').at(pick(moments)).explain(question)
      assert.ok(ruleEffects.includes(decision.effect))
    }
  })

  it('a moment that is none opens nothing and slips past no deny rule', () => {
    const when = { days: weekdays, timeZone: 'UTC' }
    const at = (effect: Rule['effect']) =>
      compilePolicy(
        [{ ...randomRule([effect]), when, who: everybody, actions: ['open'], where: {} }, anyone],
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
    who: index % 2 === 0 ? everybody : { everyone: false, groups: [`g${index}*`], subjects: [] },
    actions: ['open'],
    where: {
      targets: [`web-${index}-*`, `*-${index}`],
      matchExpressions: [{ key: 'tier', operator: 'In', values: ['x'] }],
    },
    when: { days: weekdays, timeZone: 'Europe/Berlin' },
    effect: pick(ruleEffects),
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
