import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseIdentity } from '../../server/targets/docker-identity.ts'
import { userToDebug, type ListedProcess } from '../../server/targets/target-process.ts'

const root = { uid: 0, gid: 0, groups: [] }
const app = { uid: 1000, gid: 1000, groups: [44] }
const process = (pid: number, parent: number, name: string, user = app): ListedProcess => ({
  pid,
  parent,
  name,
  user,
  innerPid: pid - 99,
})

describe('the process to debug', () => {
  it('is the first one, whatever it has started', () => {
    const nginx = [process(100, 1, 'nginx', root), process(101, 100, 'nginx')]
    assert.deepEqual(userToDebug(nginx, 100), root)
  })

  for (const init of ['tini', 'docker-init', 'dumb-init', 'catatonit', 's6-svscan', 'supervisord', 'su']) {
    it(`is what ${init} has started`, () => {
      assert.deepEqual(userToDebug([process(100, 1, init, root), process(106, 100, 'node')], 100), {
        ...app,
        process: { name: 'node', pid: 7, init, others: 0, ownUser: true },
      })
    })
  }

  it('is looked for below what supervises on behalf of an init, and the others are counted', () => {
    const processes = [
      process(100, 1, 's6-svscan', root),
      process(101, 100, 's6-supervise', root),
      process(102, 100, 's6-supervise', root),
      process(103, 101, 's6-ipcserverd', root),
      process(104, 102, 'web'),
      process(105, 104, 'web'),
      process(106, 100, 'cron', root),
    ]
    const found = userToDebug(processes, 100)
    assert.equal(found?.uid, 1000)
    assert.deepEqual(found?.process, { name: 'web', pid: 5, init: 's6-svscan', others: 1, ownUser: true })
  })

  it('is the init itself while that has started nothing', () => {
    assert.deepEqual(userToDebug([process(100, 1, 'tini', root)], 100), root)
  })

  it('is not known when the first one is not', () => {
    assert.equal(userToDebug([process(106, 100, 'node')], 100), undefined)
  })

  it('has a name that can be printed, and ends a loop of inits', () => {
    const hostile = [process(100, 1, 'tini', root), process(101, 100, 'a\u001b[2J\u202e')]
    assert.equal(userToDebug(hostile, 100)?.process?.name, 'a?[2J?')
    const loop = [process(100, 101, 'tini', root), process(101, 100, 'tini', root)]
    assert.deepEqual(userToDebug(loop, 100), root)
  })

  const facts = (user: ReturnType<typeof userToDebug> & {}) => ({
    user,
    capabilities: { add: [], drop: [] },
    privileged: false,
    borrowedPid: false,
    unconfined: false,
  })

  it('decides as whom the shell runs, is named, and is where the files are looked for', () => {
    const user = userToDebug([process(100, 1, 'tini', root), process(106, 100, 'node')], 100)
    assert.ok(user)
    const { identity, place } = chooseIdentity(facts(user), 'auto')
    assert.deepEqual([identity.uid, identity.seesFiles], [1000, true])
    assert.deepEqual(identity.process, { name: 'node', pid: 7, init: 'tini', others: 0 })
    assert.match(identity.explanation, /like the target's node, process 7 \(which runs below the init tini\)/)
    assert.deepEqual(place, { pid: 7 })
  })

  it('is looked for by its name where its number is not told, and is no other place for the same user', () => {
    const { innerPid: _pid, ...node } = process(106, 100, 'node')
    const far = userToDebug([process(100, 1, 'tini', root), node], 100)
    assert.ok(far)
    assert.deepEqual(chooseIdentity(facts(far), 'auto').place, { uid: 1000, gid: 1000, name: 'node' })
    const same = userToDebug([process(100, 1, 'tini', root), process(106, 100, 'node', root)], 100)
    assert.ok(same)
    assert.equal(chooseIdentity(facts(same), 'auto').place, undefined)
  })
})
