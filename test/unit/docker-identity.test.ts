import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Profile } from '../../server/core/vocabulary.ts'
import { dockerDefaults, effectiveCapabilities } from '../../server/drivers/shared/capabilities.ts'
import { chooseIdentity, type TargetFacts } from '../../server/drivers/docker/identity.ts'

function facts(change: Partial<TargetFacts> = {}): TargetFacts {
  return {
    user: { uid: 65532, gid: 65532, groups: [] },
    capabilities: { add: [], drop: [] },
    privileged: false,
    borrowedPid: false,
    unconfined: false,
    ...change,
  }
}

const root = { uid: 0, gid: 0, groups: [] }
const withNetAdmin = { user: root, capabilities: { add: ['NET_ADMIN'], drop: [] } }
const withoutAny = { user: root, capabilities: { add: [], drop: ['ALL'] } }

// One row per line of the matrix that was measured against the kernel: target, profile, ids, sees files.
const rows: [string, Partial<TargetFacts>, Profile, string, boolean][] = [
  ['a user', {}, 'auto', '65532:65532', true],
  ['a user', {}, 'baseline', '65532:65532', true],
  ['a user', {}, 'restricted', '65532:65532', true],
  ['a user', {}, 'netadmin', '0:0', false],
  ['a user', {}, 'general', '0:0', true],
  ['a user', {}, 'sysadmin', '0:0', true],
  ['a user whose group is 0', { user: { uid: 65532, gid: 0, groups: [] } }, 'auto', '65532:0', true],
  [
    'a user with an added capability',
    { capabilities: { add: ['NET_ADMIN'], drop: [] } },
    'auto',
    '65532:65532',
    true,
  ],
  ['a privileged user', { privileged: true }, 'auto', '65532:65532', true],
  ['root', { user: root }, 'auto', '0:0', true],
  ['root', { user: root }, 'baseline', '0:0', true],
  ['root', { user: root }, 'restricted', '65532:65532', false],
  ['root of another group', { user: { uid: 0, gid: 5, groups: [] } }, 'auto', '0:5', true],
  ['root of another group', { user: { uid: 0, gid: 5, groups: [] } }, 'netadmin', '0:0', false],
  ['root with NET_ADMIN', withNetAdmin, 'auto', '0:0', true],
  ['root with NET_ADMIN', withNetAdmin, 'baseline', '0:0', false],
  ['root with NET_ADMIN', withNetAdmin, 'netadmin', '0:0', true],
  ['root with NET_ADMIN', withNetAdmin, 'general', '0:0', true],
  ['root without capabilities', withoutAny, 'auto', '0:0', true],
  ['root with ALL', { user: root, capabilities: { add: ['ALL'], drop: [] } }, 'auto', '0:0', true],
  ['privileged root', { user: root, privileged: true }, 'auto', '0:0', false],
  ['privileged root', { user: root, privileged: true }, 'sysadmin', '0:0', true],
  ["a user among another container's processes", { borrowedPid: true }, 'auto', '65532:65532', false],
  ['a user outside AppArmor', { unconfined: true }, 'auto', '65532:65532', false],
  ['a user outside AppArmor', { unconfined: true }, 'general', '0:0', false],
]

describe('identity of a debug container', () => {
  for (const [name, change, profile, ids, sees] of rows) {
    it(`beside ${name} with ${profile} is ${ids} and ${sees ? 'sees' : 'does not see'} files`, () => {
      const { identity } = chooseIdentity(facts(change), profile)
      assert.equal(`${identity.uid}:${identity.gid}`, ids)
      assert.equal(identity.seesFiles, sees)
      assert.match(identity.explanation, sees ? /processes, network and files/ : /but not its files/)
    })
  }

  it('gives root exactly the capabilities of the target', () => {
    const runAs = chooseIdentity(facts(withNetAdmin), 'auto')
    assert.deepEqual(runAs.identity.capabilities, [...dockerDefaults, 'NET_ADMIN'].toSorted())
    assert.deepEqual(effectiveCapabilities(runAs.capabilities), runAs.identity.capabilities)
    assert.deepEqual(runAs.securityOptions, ['no-new-privileges'])
    assert.deepEqual(chooseIdentity(facts(withoutAny), 'auto').identity.capabilities, [])
  })

  it('takes the supplementary groups along', () => {
    const user = { uid: 7, gid: 8, groups: [44, 55] }
    assert.deepEqual(chooseIdentity(facts({ user }), 'auto').identity.groups, [44, 55])
  })

  it('says why the user of a target is not known', () => {
    const { user: _, ...rest } = facts()
    const { identity } = chooseIdentity({ ...rest, unknownUser: 'It has no /etc/passwd.' }, 'auto')
    assert.equal(identity.seesFiles, false)
    assert.match(identity.explanation, /It has no \/etc\/passwd\./)
  })
})

describe('effective capabilities', () => {
  it("follows Docker's order of rules", () => {
    assert.deepEqual(effectiveCapabilities({ add: [], drop: [] }), dockerDefaults.toSorted())
    assert.deepEqual(effectiveCapabilities({ add: ['cap_sys_time'], drop: ['ALL'] }), ['SYS_TIME'])
    assert.ok(!effectiveCapabilities({ add: [], drop: ['CAP_CHOWN'] }).includes('CHOWN'))
    const all = effectiveCapabilities({ add: ['ALL'], drop: ['NET_RAW'] })
    assert.equal(all.length, 40)
    assert.ok(!all.includes('NET_RAW'))
  })
})
