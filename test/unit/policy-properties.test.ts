import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { actions, type PolicyRequest } from '../../server/core/policy.ts'
import { profiles } from '../../server/core/target.ts'
import { compilePolicy } from '../../server/policy/compile-policy.ts'
import type { Rule } from '../../server/policy/rule.ts'

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
    },
    effect,
    ...(effect === 'deny'
      ? {}
      : {
          ...maybe('profiles', () => some(profiles)),
          ...maybe('toolboxes', () => some(['x', 'y', 'z'])),
          ...maybe('requireReason', () => random() < 0.5),
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
  }
}

const decide = (rules: readonly Rule[], request: PolicyRequest) => compilePolicy(rules, 'v').decide(request)
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

  it('an added deny rule never turns a deny into an allow', () => {
    for (const { rules, request } of cases) {
      if (decide(rules, request).effect === 'allow') continue
      assert.equal(decide([...rules, randomRule(['deny'])], request).effect, 'deny')
    }
  })

  it('the order of rules changes neither effect nor limits', () => {
    let allowed = 0
    for (const { rules, request } of cases) {
      const forwards = decide(rules, request)
      const backwards = decide(rules.toReversed(), request)
      assert.equal(forwards.effect, backwards.effect)
      if (forwards.effect !== 'allow' || backwards.effect !== 'allow') continue
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
      const policy = compilePolicy(rules, 'v')
      const first = policy.decide(request)
      policy.decide(randomRequest())
      assert.deepEqual(policy.decide(structuredClone(request)), first)
    }
  })
})

describe('many rules', () => {
  it('are all looked at: the last of 10,000 decides like the first', () => {
    const rules = Array.from({ length: 10_000 }, (_, index) => ({
      name: `rule ${index}`,
      who: { everyone: false, groups: [`g${index}`], subjects: [] },
      actions: ['open'] as const,
      where: {},
      effect: 'allow' as const,
    }))
    const policy = compilePolicy(rules, 'v')
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
