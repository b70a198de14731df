import assert from 'node:assert/strict'
import type { Profile } from '../../server/core/vocabulary.ts'
import type { Identity } from '../../server/core/identity.ts'
import type { Target } from '../../server/core/target.ts'
import { capabilityNames } from '../support/capabilities.ts'
import { deadline, type DriverUser } from './driver-ground.ts'

interface TargetFiles {
  /** Where the target's files are seen in the shell. */
  root?: string | undefined
  /** The kernel hides its process from its own user, which only shows once somebody looks. */
  hides?: boolean | undefined
}

/** Opens with the profile, and compares what the identity says with what the kernel says. Resolves with the identity. */
export async function toldAsItIs(
  user: DriverUser,
  target: Target,
  profile: Profile,
  { root = '/proc/1/root', hides = false }: TargetFiles = {},
): Promise<Identity> {
  const told = await user.access.identify(target, profile, deadline())
  const { shell, identity, container } = await user.open({ target, profile })
  assert.deepEqual(identity, told, profile)
  assert.notEqual(told.explanation, '')
  const look = `cat ${root}/www/hello.txt >/dev/null 2>&1 && echo sees || echo blind`
  const lines = (
    await shell.run(`echo $(id -u):$(id -g); ${look}; sed -n s/CapEff:.//p /proc/self/status`)
  ).split('\n')
  const [ids, reads, effective = ''] = lines
  assert.equal(ids, `${told.uid}:${told.gid}`, profile)
  if (hides && reads === 'blind' && told.seesFiles)
    assert.match(shell.output, /hides them/, 'the user is told')
  else assert.equal(reads, told.seesFiles ? 'sees' : 'blind', profile)
  if (told.uid === 0 && !told.capabilities.includes('ALL'))
    assert.deepEqual(told.capabilities, capabilityNames(effective), profile)
  await user.driver.stop(container, deadline())
  return told
}
