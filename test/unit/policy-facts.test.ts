import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decision, PolicyRequest, PolicyTarget } from '../../server/core/policy.ts'
import { powerFacts, type FoundFacts } from '../../server/core/target-facts.ts'
import { targetFacts } from '../../server/core/vocabulary.ts'
import { profiles } from '../../server/core/vocabulary.ts'
import { allowEverything, compilePolicy, policyFromText } from '../../server/policy/compile-policy.ts'
import type { Rule } from '../../server/policy/rule.ts'
import { targetFact } from '../../server/protocol/fields.ts'

const noon = new Date('2026-11-24T12:00:00Z')
const rule = (name: string, change: Partial<Rule> = {}): Rule => ({
  name,
  who: { everyone: true, groups: [], subjects: [] },
  actions: ['open', 'run'],
  where: {},
  effect: 'allow',
  ...change,
})
const target = (found?: Partial<FoundFacts>): PolicyTarget => ({
  environment: 'local',
  name: 'web',
  labels: {},
  ...(found && { facts: [], ...found }),
})
const ask = (rules: readonly Rule[], of: PolicyTarget, change: Partial<PolicyRequest> = {}): Decision =>
  compilePolicy(rules, 'v')
    .at(noon)
    .decide({ who: { subject: 'ada', groups: [] }, action: 'open', target: of, profile: 'auto', ...change })
const anywhere = rule('anywhere')

function assertDenied(decision: Decision, code: string, words: RegExp): void {
  assert.ok(decision.effect === 'deny', 'must be denied')
  assert.equal(decision.code, code)
  assert.match(decision.explanation, words)
}

describe('a target by which a shell has power over its host', () => {
  for (const fact of powerFacts) {
    it(`asks for sysadmin, or for the fact, when it is ${fact}`, () => {
      const of = target({ facts: [fact] })
      for (const profile of profiles.filter((each) => !['netadmin', 'sysadmin'].includes(each))) {
        const denied = ask([anywhere], of, { profile })
        assertDenied(
          denied,
          'profile_insufficient',
          new RegExp(`sysadmin, or the fact in where: {facts: \\[${fact}\\]}`),
        )
        assertDenied(ask([anywhere], of, { profile, action: 'run' }), 'profile_insufficient', /run a command/)
      }
      const named = rule('named', { where: { facts: [fact] } })
      assert.equal(ask([anywhere, named], of).effect, 'allow')
      const strong = rule('strong', { profiles: ['auto', 'sysadmin'] })
      for (const profile of ['auto', 'sysadmin'] as const)
        assert.equal(ask([strong], of, { profile }).effect, 'allow')
    })
  }

  it('is not one that only has the network of its host, or maps its ids', () => {
    assert.equal(ask([anywhere], target({ facts: ['hostNetwork', 'userNamespace'] })).effect, 'allow')
  })

  it('asks for each of its facts', () => {
    const of = target({ facts: ['hostPath', 'engineSocket'] })
    const named = rule('named', { where: { facts: ['engineSocket'] } })
    assertDenied(ask([named], of), 'profile_insufficient', /has files or devices of its host.*\[hostPath\]/)
    const both = rule('both', { where: { facts: ['engineSocket', 'hostPath'] } })
    assert.equal(ask([both], of).effect, 'allow')
    const other = rule('other', { where: { facts: ['hostPath'] } })
    assert.equal(ask([named, other], of).effect, 'allow')
  })

  it('can be seen, watched and ended without them', () => {
    const rules = [rule('all', { actions: ['list', 'watch', 'terminate', 'approve'] })]
    for (const action of ['list', 'watch', 'terminate', 'approve'] as const)
      assert.equal(ask(rules, target({ facts: ['privileged'] }), { action }).effect, 'allow')
  })

  it('takes sysadmin from a rule that another rule does not take it from', () => {
    const strong = rule('strong', { profiles: ['auto', 'sysadmin'] })
    const weak = rule('weak', { profiles: ['auto'] })
    assertDenied(
      ask([strong, weak], target({ facts: ['privileged'] })),
      'profile_insufficient',
      /"strong", "weak" name neither/,
    )
  })

  it('may be opened with an approval by a rule that names the fact and asks for one, break-glass or not', () => {
    const asking = rule('asking', {
      where: { facts: ['privileged'] },
      effect: 'require-approval',
      approval: { groups: ['leads'], count: 1 },
    })
    assert.equal(ask([anywhere, asking], target({ facts: ['privileged'] })).effect, 'require-approval')
    const glass = { ...asking, where: {}, breakGlass: { groups: ['sre'] } }
    const who = { subject: 'ada', groups: ['sre'] }
    assertDenied(
      ask([glass], target({ facts: ['privileged'] }), { who }),
      'profile_insufficient',
      /privileged/,
    )
  })

  it('is anybody’s own where there is no policy', () => {
    const request = {
      who: { subject: 'ada', groups: [] },
      action: 'open',
      target: target({ facts: ['privileged'] }),
    } as const
    assert.equal(allowEverything.at(noon).decide(request).effect, 'allow')
  })
})

describe('facts in where', () => {
  const denying = rule('no hosts', { effect: 'deny', where: { facts: ['hostNetwork', 'privileged'] } })

  it('are about targets that have one of them', () => {
    assertDenied(
      ask([anywhere, denying], target({ facts: ['hostNetwork'] })),
      'forbidden',
      /"no hosts" denies it/,
    )
    assert.equal(ask([anywhere, denying], target({ facts: ['userNamespace'] })).effect, 'allow')
    assertDenied(
      ask([rule('named', { where: { facts: ['privileged'] } })], target({})),
      'forbidden',
      /No rule/,
    )
  })

  it('count where a rule takes away when they could not be found out, and never where it gives', () => {
    const maybe = target({ unknownFacts: ['privileged'] })
    assertDenied(ask([anywhere, denying], maybe), 'forbidden', /"no hosts"/)
    const named = rule('named', { where: { facts: ['privileged'] } })
    assertDenied(ask([named], maybe), 'forbidden', /No rule/)
    assertDenied(
      ask([anywhere, named], maybe),
      'profile_insufficient',
      /could not be found out whether the target is privileged/,
    )
    assert.equal(
      ask([rule('strong', { profiles: ['sysadmin'] })], maybe, { profile: 'sysadmin' }).effect,
      'allow',
    )
  })

  it('count in the same way, but ask for nothing, where nobody has looked yet', () => {
    assert.equal(ask([anywhere], target()).effect, 'allow')
    assertDenied(ask([anywhere, denying], target()), 'forbidden', /"no hosts"/)
  })

  it('are words of one vocabulary, in a policy file too', () => {
    assert.deepEqual(targetFact.options, [...targetFacts])
    const text = (fact: string) =>
      `rules:\n  - {name: a, who: {everyone: true}, actions: [open], where: {facts: [${fact}]}, effect: allow}\n`
    assert.equal(policyFromText(text('engineSocket')).ruleCount, 1)
    assert.throws(() => policyFromText(text('dockerSocket')), /must be one of privileged, hostPid, /)
  })

  it('are among what a rule lacks', () => {
    const request = { who: { subject: 'ada', groups: [] }, action: 'open', target: target({}) } as const
    const { missed } = compilePolicy([denying], 'v').at(noon).explain(request)
    assert.deepEqual(missed, [{ name: 'no hosts', effect: 'deny', lacks: ['where'] }])
  })
})
