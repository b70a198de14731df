import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Profile } from '../../server/core/vocabulary.ts'
import type { PodIdentityFacts } from '../../server/drivers/kubernetes/catalog/identity-facts.ts'
import { readIdentityFacts } from '../../server/drivers/kubernetes/catalog/identity-facts.ts'
import { choosePodIdentity } from '../../server/drivers/kubernetes/debug/identity.ts'

function facts(change: Partial<PodIdentityFacts> = {}): PodIdentityFacts {
  return {
    user: { uid: 65532, gid: 65532, groups: [] },
    userFrom: 'runtime',
    capabilities: { add: [], drop: [] },
    privileged: false,
    processes: 'own',
    unconfined: false,
    userNamespace: false,
    podGroups: [],
    nonRootOnly: false,
    ...change,
  }
}

const root = { uid: 0, gid: 0, groups: [] }

// Measured on a cluster: target, profile, ids, sees files.
const rows: [string, Partial<PodIdentityFacts>, Profile, string, boolean][] = [
  ['a user', {}, 'auto', '65532:65532', true],
  ['a user', {}, 'baseline', '65532:65532', true],
  ['a user', {}, 'restricted', '65532:65532', true],
  ['a user', {}, 'general', '0:0', true],
  ['a user', {}, 'netadmin', '0:0', false],
  ['a user', {}, 'sysadmin', '0:0', true],
  ['a user whose group is 0', { user: { uid: 65532, gid: 0, groups: [] } }, 'auto', '65532:0', true],
  ['root', { user: root }, 'auto', '0:0', true],
  ['root', { user: root }, 'restricted', '65532:65532', false],
  ['privileged root', { user: root, privileged: true }, 'auto', '0:0', false],
  ['privileged root', { user: root, privileged: true }, 'sysadmin', '0:0', true],
  ['a user outside AppArmor', { unconfined: true }, 'auto', '65532:65532', false],
]

describe('identity of an ephemeral container', () => {
  for (const [name, change, profile, ids, sees] of rows) {
    it(`beside ${name} with ${profile} is ${ids} and ${sees ? 'sees' : 'does not see'} files`, () => {
      const { identity } = choosePodIdentity(facts(change), profile)
      assert.equal(`${identity.uid}:${identity.gid}`, ids)
      assert.equal(identity.seesFiles, sees)
      assert.equal(/but not its files/.test(identity.explanation), !sees)
    })
  }

  it('complies with Pod Security restricted beside whoever is not root', () => {
    assert.deepEqual(choosePodIdentity(facts(), 'auto').securityContext, {
      runAsUser: 65532,
      runAsGroup: 65532,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    })
  })

  it('asks for the capabilities of a root target word for word', () => {
    const capabilities = { add: ['NET_ADMIN'], drop: ['MKNOD'] }
    const { securityContext, identity } = choosePodIdentity(facts({ user: root, capabilities }), 'auto')
    assert.deepEqual(securityContext.capabilities, capabilities)
    assert.equal(identity.seesFiles, true)
  })

  it('says of the network alone that it sees no files, and of a copy of what never ran that it is not known', () => {
    const network = choosePodIdentity(facts(), 'general', 'network').identity
    assert.equal(network.seesFiles, false)
    assert.match(network.explanation, /shares the pod's network only, none of its processes and files/)
    const shared = choosePodIdentity(facts({ processes: 'pod' }), 'general', 'network').identity
    assert.match(shared.explanation, /network and whatever processes run in it, and no files/)
    const { user: _, ...unknown } = facts({ userFrom: 'nowhere' })
    assert.match(choosePodIdentity(unknown, 'auto', 'copy').identity.explanation, /has not run yet/)
  })

  it('may be root where the pod forbids it, only when the profile is', () => {
    const strict = facts({ nonRootOnly: true })
    assert.equal(choosePodIdentity(strict, 'general').securityContext.runAsNonRoot, false)
    assert.equal(choosePodIdentity(strict, 'baseline').securityContext.runAsNonRoot, undefined)
  })

  it('takes the live user before the specification, and group 0 where neither tells one', () => {
    const pod = (user?: { uid: number; gid: number }) => ({
      spec: { securityContext: { runAsUser: 1000 }, containers: [{ name: 'app' }] },
      status: {
        containerStatuses: [
          {
            name: 'app',
            image: '',
            imageID: '',
            ready: true,
            restartCount: 0,
            ...(user && { user: { linux: user } }),
          },
        ],
      },
    })
    const live = readIdentityFacts(pod({ uid: 7, gid: 8 }), 'app')
    assert.deepEqual([live.user, live.userFrom], [{ uid: 7, gid: 8, groups: [] }, 'runtime'])
    const specified = readIdentityFacts(pod(), 'app')
    assert.deepEqual([specified.user, specified.userFrom], [{ uid: 1000, gid: 0, groups: [] }, 'specified'])
  })
})
