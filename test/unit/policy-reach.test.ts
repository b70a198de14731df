import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { policyFromText } from '../../server/policy/compile-policy.ts'

const policy = policyFromText(`
rules:
  - {name: a, who: {groups: [a]}, actions: [watch], where: {environments: [prod], targets: ["svc-*"]}, effect: allow}
  - {name: b, who: {groups: [b]}, actions: [terminate], where: {namespaces: [shop]}, effect: require-approval, approval: {groups: [x]}}
  - {name: c, who: {groups: [c]}, actions: [read-recording], where: {labels: {tier: front}}, effect: allow}
  - {name: d, who: {everyone: true}, actions: [watch, terminate], where: {targets: [vault]}, effect: deny}
  - {name: e, who: {everyone: true}, actions: [open, list], effect: allow}
`).at(new Date())

const reach = (...groups: string[]) =>
  policy.reach?.({ subject: 'x', groups }, ['watch', 'terminate', 'read-recording'])

describe('where a policy may give anything', () => {
  it('is nowhere for whom no rule about it names, and what denies gives nothing', () => {
    assert.deepEqual(reach(), [])
  })

  it('is told by the environments, namespaces and names of the rules about somebody', () => {
    const prod = { environments: ['prod'], names: ['svc-*'] }
    assert.deepEqual(reach('a'), [prod])
    assert.deepEqual(reach('a', 'b'), [prod, { namespaces: ['shop'] }])
  })

  it('is anywhere where labels alone tell, and where there is too much to tell', () => {
    assert.equal(reach('a', 'c'), undefined)
    const names = Array.from({ length: 101 }, (_, n) => `n${n}`).join(', ')
    const many = policyFromText(
      `rules: [{name: m, who: {everyone: true}, actions: [watch], where: {targets: [${names}]}, effect: allow}]`,
    )
    assert.equal(many.at(new Date()).reach?.({ subject: 'x', groups: [] }, ['watch']), undefined)
  })
})
