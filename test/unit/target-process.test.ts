import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import { chooseIdentity, type TargetFacts } from '../../server/drivers/docker/identity.ts'
import {
  chooseProcess,
  offeredProcesses,
  userToDebug,
  type ListedProcess,
} from '../../server/drivers/docker/target-process.ts'

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
        process: { name: 'node', user: '1000:1000', pid: 7, init, others: 0, ownUser: true },
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
    assert.deepEqual(found?.process, {
      name: 'web',
      user: '1000:1000',
      pid: 5,
      init: 's6-svscan',
      others: 1,
      ownUser: true,
    })
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

  it('is looked for once in each place, however often a list names it', () => {
    const own = Array.from({ length: 200 }, () => process(100, 100, 'tini', root))
    assert.deepEqual(userToDebug(own, 100), root)
    const twice = [...own, process(101, 100, 'node'), process(101, 100, 'node')]
    assert.equal(userToDebug(twice, 100)?.process?.others, 0)
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
    assert.deepEqual(identity.process, {
      name: 'node',
      user: '1000:1000',
      pid: 7,
      init: 'tini',
      others: 0,
    })
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

describe('a process that somebody chose', () => {
  const database = { uid: 999, gid: 999, groups: [] }
  const processes = [
    process(100, 1, 'tini', root),
    process(106, 100, 'node'),
    process(107, 106, 'node'),
    process(108, 100, 'redis', database),
    process(109, 100, 'a-very-long-pro'),
    process(110, 100, 'cron', root),
  ]
  const problemOf = (wish: Parameters<typeof chooseProcess>[2]): { code: string; message: string } => {
    try {
      chooseProcess(processes, 100, wish)
    } catch (error) {
      assert.ok(error instanceof HatchwayError)
      return error
    }
    return assert.fail('it was found')
  }

  it('is the one of that number, or the first with that name, and its user decides', () => {
    const chosen = { name: 'redis', user: '999:999', pid: 9, init: 'tini', others: 4, chosen: true }
    for (const asked of ['9', 'redis'])
      assert.deepEqual(chooseProcess(processes, 100, { asked }), {
        ...database,
        process: { ...chosen, ownUser: true },
      })
    assert.equal(chooseProcess(processes, 100, { asked: 'node' }).process?.pid, 7)
    assert.equal(chooseProcess(processes, 100, { asked: '8' }).process?.pid, 8)
  })

  it('may have a name that is longer than the kernel keeps', () => {
    assert.equal(chooseProcess(processes, 100, { asked: 'a-very-long-program' }).process?.pid, 10)
    assert.equal(problemOf({ asked: 'redis-server' }).code, 'process_not_found')
  })

  it('is refused in words that say what there is, however much that is', () => {
    const { code, message } = problemOf({ asked: '4711' })
    assert.equal(code, 'process_not_found')
    assert.match(message, /^The target has no process 4711\. It has: 1 tini, 7 node, 8 node, 9 redis/)
    const many = [
      ...processes,
      ...Array.from({ length: 10_000 }, (_, at) => process(200 + at, 106, 'worker')),
    ]
    assert.throws(
      () => chooseProcess(many, 100, { asked: 'gone' }),
      ({ message }: Error) => message.length < 500 && /and 9996 more/.test(message),
    )
  })

  it('cannot be asked for by a number that nobody knows', () => {
    const far = processes.map(({ innerPid: _pid, ...each }) => each)
    assert.equal(chooseProcess(far, 100, { asked: 'redis' }).process?.name, 'redis')
    assert.throws(
      () => chooseProcess(far, 100, { asked: '9' }),
      /numbers .* can't be told.*: name the program/,
    )
    assert.throws(() => chooseProcess([], 100, { asked: 'redis' }), /can't be told/)
  })

  it('is the one that was approved, or none', () => {
    const asked = 'node'
    assert.equal(
      chooseProcess(processes, 100, { asked, approved: { name: 'node', user: '1000:1000' } }).process?.pid,
      7,
    )
    const { code, message } = problemOf({ asked: '9', approved: { name: 'node', user: '1000:1000' } })
    assert.equal(code, 'process_not_found')
    assert.match(message, /process 9 is redis \(999:999\) now, and node \(1000:1000\) was approved/)
  })

  it('is offered among those that are no inits, the one that is found first, and not for ever', () => {
    const { items, total } = offeredProcesses(processes, 100)
    assert.equal(total, 5)
    assert.deepEqual(items[0], { process: '7', name: 'node', pid: 7, user: '1000:1000', found: true })
    assert.deepEqual(
      items.map(({ process: each }) => each),
      ['7', '8', '9', '10', '11'],
    )
    const long = `\u202e\n${'x'.repeat(65_536)}`
    const hostile = Array.from({ length: 10_000 }, (_, at) => process(200 + at, 100, long))
    const bounded = offeredProcesses([...processes, ...hostile], 100)
    assert.equal(bounded.total, 10_005)
    assert.ok(JSON.stringify(bounded).length < 20_000)
    assert.doesNotMatch(JSON.stringify(bounded), /\u202e|\\n/)
  })

  it('is offered by its name where its number is not told, each name once', () => {
    const far = processes.map(({ innerPid: _pid, ...each }) => each)
    assert.deepEqual(
      offeredProcesses(far, 100).items.map(({ process: each }) => each),
      ['node', 'redis', 'a-very-long-pro', 'cron'],
    )
  })

  const facts = (asked: string, change: Partial<TargetFacts> = {}): TargetFacts => ({
    user: chooseProcess(processes, 100, { asked }),
    foundUser: app,
    capabilities: { add: ['NET_ADMIN'], drop: [] },
    privileged: false,
    borrowedPid: false,
    unconfined: false,
    ...change,
  })

  it('is followed by the identity, which names it, and is where the files are looked for', () => {
    const { identity, place } = chooseIdentity(facts('redis'), 'auto')
    assert.deepEqual(
      [identity.uid, identity.gid, identity.capabilities, identity.seesFiles],
      [999, 999, [], true],
    )
    assert.equal(identity.process?.chosen, true)
    assert.match(
      identity.explanation,
      /^Runs as 999:999 like the target's redis, process 9, which was chosen/,
    )
    assert.deepEqual(place, { pid: 9 })
  })

  for (const profile of ['auto', 'baseline'] as const) {
    it(`gives no root that ${profile} does not give without it`, () => {
      assert.throws(
        () => chooseIdentity(facts('cron'), profile),
        ({ code, message }: HatchwayError) =>
          code === 'profile_insufficient' && /cron .*runs as root.*profile general/.test(message),
      )
      assert.throws(() => chooseIdentity(facts('1', { foundUser: { ...app, gid: 0 } }), profile))
      assert.equal(chooseIdentity(facts('cron', { foundUser: root }), profile).identity.uid, 0)
    })
  }

  it('gives nothing more with a profile that has one user for all', () => {
    for (const [profile, uid] of [
      ['restricted', 65_532],
      ['general', 0],
      ['netadmin', 0],
    ] as const) {
      const { identity, capabilities } = chooseIdentity(facts('cron'), profile)
      assert.equal(identity.uid, uid)
      const { process: _process, ...without } = facts('cron').user ?? assert.fail()
      assert.deepEqual(
        capabilities,
        chooseIdentity({ ...facts('cron'), user: without }, profile).capabilities,
      )
    }
  })
})
