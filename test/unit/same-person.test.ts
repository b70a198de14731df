import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { approvalsGiven } from '../../server/core/approval.ts'
import { isSamePerson, personKey, personOf } from '../../server/core/same-person.ts'

const corp = { subject: 'ada', name: 'Ada', issuer: 'https://corp.example' }
const partner = { subject: 'ada', name: 'Ada', issuer: 'https://partner.example' }
const unknown = { subject: 'ada', name: 'Ada' }

describe('a person', () => {
  it('is a subject of one issuer, whatever they call themselves', () => {
    assert.ok(isSamePerson(corp, personOf({ ...corp, name: 'Somebody else' })))
    assert.ok(!isSamePerson(corp, partner))
    assert.ok(!isSamePerson(corp, { ...corp, subject: 'Ada' }))
    assert.notEqual(personKey(corp), personKey(partner))
    // No subject can be made that reads like another issuer's.
    assert.notEqual(
      personKey({ issuer: 'a', subject: 'b","c' }),
      personKey({ issuer: 'a","b', subject: 'c' }),
    )
  })

  it('of a row that does not know its issuer is whoever has the subject', () => {
    assert.ok(isSamePerson(unknown, corp) && isSamePerson(partner, unknown))
    assert.ok(!isSamePerson(unknown, { ...corp, subject: 'eve' }))
  })

  it('is kept without groups and whatever else is known of them', () => {
    const principal = { ...corp, groups: ['leads'], expiresAt: new Date() }
    assert.deepEqual(personOf(principal), corp)
    assert.deepEqual(Object.keys(personOf(unknown)), ['subject', 'name'])
  })
})

describe('approvals', () => {
  it('count one person once, at however many issuers they may be', () => {
    const need = { rule: 'eyes', groups: ['leads'], count: 2 }
    const vote = (by: { subject: string; name: string; issuer: string }) =>
      ({ decision: 'approve', by: { ...by, groups: ['leads'] }, at: new Date(0) }) as const
    assert.equal(approvalsGiven(need, [vote(corp), vote(partner)]), 1)
    assert.equal(approvalsGiven(need, [vote(corp), vote({ ...partner, subject: 'lea' })]), 2)
  })
})
