import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSessionJudge } from '../../server/gateway/session-judge.ts'
import type { SessionRow } from '../../server/core/session.ts'
import type { Profile } from '../../server/core/vocabulary.ts'
import { compilePolicy } from '../../server/policy/compile-policy.ts'
import { isBeside, requireFree } from '../../server/sessions/life/side-by-side.ts'
import { sessionRow } from '../contract/store-rows.ts'

const noon = new Date('2026-11-24T12:00:00Z')
const session = (id: string, subject: string, change: Partial<SessionRow> = {}): SessionRow =>
  sessionRow(id, {
    state: 'running',
    user: { subject, name: subject.toUpperCase(), groups: subject === 'root' ? ['strong'] : [] },
    ...change,
  })
const judge = createSessionJudge(
  compilePolicy(
    [
      {
        name: 'all',
        who: { everyone: true, groups: [], subjects: [] },
        actions: ['open'],
        where: {},
        effect: 'allow',
      },
      {
        name: 'strong',
        who: { everyone: false, groups: ['strong'], subjects: [] },
        actions: ['open', 'watch'],
        where: {},
        effect: 'allow',
        profiles: ['auto', 'general', 'sysadmin'],
      },
    ],
    'v',
  ).at(noon),
)

describe('a session beside another', () => {
  it('is one of somebody else, in the same target, that has a shell or is getting one', () => {
    const own = session('a', 'ada')
    const other = (change: Partial<SessionRow>) => isBeside(own, session('b', 'bob', change))
    assert.equal(other({}), true)
    assert.equal(other({ state: 'starting' }), true)
    assert.equal(other({ state: 'ended' }), false)
    assert.equal(other({ state: 'pending-approval' }), false)
    assert.equal(other({ user: { ...own.user } }), false)
    const [one, another] = ['i', 'j'].map((issuer) =>
      session(issuer, 'ada', { user: { ...own.user, issuer } }),
    )
    assert.equal(one !== undefined && another !== undefined && isBeside(one, another), true)
    assert.equal(other({ copy: true }), false)
    assert.equal(other({ target: { ...own.target, environment: 'elsewhere' } }), false)
    assert.equal(other({ target: { ...own.target, resolved: { id: 'another' } } }), false)
  })

  it('keeps others out, and is kept out, where either is exclusive', () => {
    const [own, alone] = [session('a', 'ada'), session('b', 'bob', { exclusive: true })]
    for (const [first, second] of [
      [own, alone],
      [alone, own],
    ] as const)
      assert.throws(() => requireFree(second, [first], judge), {
        code: 'target_in_use',
        message: /^Somebody else has/,
      })
    requireFree(session('c', 'bob'), [alone], judge)
    requireFree(session('c', 'eve'), [own], judge)
  })

  it('names who that is to those who may watch them', () => {
    const alone = session('b', 'bob', { exclusive: true })
    assert.throws(() => requireFree(session('a', 'root'), [alone], judge), { message: /^BOB has a session/ })
  })

  it('is not privileged beside somebody who may not be, and the other way round', () => {
    const of = (id: string, subject: string, profile: Profile) => session(id, subject, { profile })
    const [weak, strong] = [of('a', 'ada', 'general'), of('b', 'root', 'sysadmin')]
    for (const [first, second] of [
      [weak, strong],
      [strong, weak],
    ] as const)
      assert.throws(() => requireFree(second, [first], judge), {
        code: 'target_in_use',
        message: /privileged/,
      })
    const other = { ...of('c', 'root', 'general'), user: { ...strong.user, subject: 'rot' } }
    requireFree(other, [strong], judge)
    requireFree(weak, [of('d', 'root', 'general')], judge)
  })
})
