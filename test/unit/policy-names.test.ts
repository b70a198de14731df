import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PolicyTarget } from '../../server/core/policy.ts'
import { compilePolicy } from '../../server/policy/compile-policy.ts'
import type { Rule } from '../../server/policy/rule.ts'

const effects = ['allow', 'deny', 'require-approval'] as const
const patterns = ['pod/api-1', 'pod/*', 'deployment/api', 'deployment/*', 'replicaset/api-5f', '*'] as const

function rule(
  effect: Rule['effect'],
  targets: readonly string[],
  name = `${effect} ${targets.join()}`,
): Rule {
  const who = { everyone: true, groups: [], subjects: [] }
  return { name, who, actions: ['open'], where: { targets }, effect }
}

function target(names: readonly string[], claims?: readonly string[]): PolicyTarget {
  const [name = ''] = names
  const place = { environment: 'prod', namespace: 'payments', labels: {} }
  return { ...place, name, names, ...(claims === undefined ? {} : { claims }) }
}

function decide(rules: readonly Rule[], target: PolicyTarget, action: 'open' | 'list' = 'open') {
  const who = { subject: 'ada', groups: [] }
  return compilePolicy(rules, 'v').at(new Date()).decide({ who, action, target, reason: 'INC-1' })
}

const names = ['pod/api-1', 'replicaset/api-5f', 'deployment/api']

describe('a pod and the workloads above it', () => {
  it('are denied by a rule about any of them, whichever the reference names', () => {
    for (const first of names) {
      const asked = target([first, ...names.filter((name) => name !== first)])
      for (const denied of names) {
        const rules = [rule('allow', ['*']), rule('deny', [denied])]
        assert.equal(decide(rules, asked).effect, 'deny', `${first} by a rule about ${denied}`)
      }
    }
  })

  it('are allowed by a rule about any of them', () => {
    for (const allowed of names) {
      assert.equal(decide([rule('allow', [allowed])], target(names)).effect, 'allow', allowed)
    }
    assert.equal(decide([rule('allow', ['deployment/web'])], target(names)).effect, 'deny')
  })
})

describe('what a pod only claims to be part of', () => {
  const forged = target(['pod/api-1'], ['replicaset/api-5f', 'deployment/api'])

  it('is allowed nothing by a rule about the claimed workload', () => {
    for (const action of ['open', 'list'] as const) {
      for (const effect of ['allow', 'require-approval'] as const) {
        const decision = decide([rule(effect, ['deployment/api'])], forged, action)
        assert.equal(decision.effect, 'deny', `${action} by ${effect}`)
        assert.deepEqual(decision.rules, [])
      }
    }
  })

  it('is denied by a rule about the claimed workload', () => {
    const decision = decide([rule('allow', ['*']), rule('deny', ['deployment/api'])], forged)
    assert.deepEqual([decision.effect, decision.rules], ['deny', ['deny deployment/api']])
  })

  it('needs the approval that the claimed workload needs, where another rule gives something', () => {
    const approval = rule('require-approval', ['deployment/api'])
    const decision = decide([rule('allow', ['pod/*']), approval], forged)
    assert.ok(decision.effect === 'require-approval')
    assert.deepEqual(
      decision.approval.needs.map(({ rule }) => rule),
      ['require-approval deployment/api'],
    )
  })

  it('never gives more than saying nothing would, whatever the rules are', () => {
    const honest = target(['pod/api-1'])
    let taken = 0
    for (const rules of combinations(3)) {
      for (const action of ['open', 'list'] as const) {
        const claiming = decide(rules, forged, action)
        const silent = decide(rules, honest, action)
        if (claiming.effect === 'allow') assert.equal(silent.effect, 'allow', namesOf(rules))
        if (claiming.effect !== silent.effect) taken++
        if (silent.effect === 'deny') assert.equal(claiming.effect, 'deny', namesOf(rules))
      }
    }
    assert.ok(taken > 50, `claims took something away in only ${taken} cases`)
  })
})

function namesOf(rules: readonly Rule[]): string {
  return rules.map(({ name }) => name).join('; ')
}

/** Every choice of `count` rules, each with any effect and any pattern. */
function* combinations(count: number): Iterable<Rule[]> {
  if (count === 0) {
    yield []
    return
  }
  for (const rest of combinations(count - 1)) {
    for (const effect of effects) {
      for (const pattern of patterns)
        yield [...rest, rule(effect, [pattern], `${count}: ${effect} ${pattern}`)]
    }
  }
}
