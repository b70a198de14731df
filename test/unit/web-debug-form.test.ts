import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Session } from '../../server/protocol/session-api.ts'
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { profileChoices, profilesForProcess } from '../../web/pages/debug/debug-choices.ts'
import { linkedProcess, processChoices, processOptions } from '../../web/lib/process-options.ts'
import { openAgainPath } from '../../web/lib/session-paths.ts'
import { chosenWhere, whereChoices } from '../../web/pages/debug/session-scope.ts'

type Options = NonNullable<TargetDetail['options']>

function target(
  problems: Partial<Record<'container' | 'network' | 'copy', string>>,
  restarts = 0,
): TargetDetail {
  const scopes = (['container', 'network', 'copy'] as const).map((scope) => {
    const problem = problems[scope]
    return problem === undefined ? { scope } : { scope, problem }
  })
  const containers = [{ name: 'app', restarts }]
  return { kind: 'kubernetes', container: 'app', containers, options: { scopes } } as unknown as TargetDetail
}

describe('where a session can run', () => {
  it('is the pod, then a copy, then its network alone, then nowhere', () => {
    const no = 'because'
    assert.equal(chosenWhere(target({}), undefined), 'pod')
    assert.equal(chosenWhere(target({}), 'network'), 'network')
    assert.equal(chosenWhere(target({ container: no }), 'pod'), 'copy')
    assert.equal(chosenWhere(target({ container: no, copy: no }), undefined), 'network')
    assert.equal(chosenWhere(target({ container: no, copy: no, network: no }), 'network'), 'nowhere')
  })

  it('is asked where the container cannot be joined, or restarts too often to stay in', () => {
    assert.equal(whereChoices(target({})).isAsked, false)
    assert.equal(whereChoices(target({ container: 'because' })).isAsked, true)
    assert.equal(whereChoices(target({}, 3)).isAsked, true)
    assert.equal(whereChoices(target({}), 'copy').isAsked, true)
  })
})

describe('the profile to begin with', () => {
  const options = (...profiles: Options['profiles']) => ({ profiles }) as Options

  it('is never sysadmin by itself, also where no other can be used', () => {
    const only = profileChoices(options({ name: 'auto', problem: 'no' }, { name: 'sysadmin' }), '')
    assert.equal(only.chosen, '')
    assert.match(only.note ?? '', /Only sysadmin can be used here/)
    assert.equal(profileChoices(options({ name: 'sysadmin' }, { name: 'general' }), '').chosen, 'general')
    assert.equal(profileChoices(options({ name: 'sysadmin' }), 'sysadmin').chosen, 'sysadmin')
  })
})

describe('the profile for a process that was chosen', () => {
  const options = (...profiles: Options['profiles']) => ({ profiles }) as Options
  const before = profileChoices(options({ name: 'auto' }, { name: 'general' }), '')

  it('is the one of before, and no stronger one takes its place by itself', () => {
    const same = profilesForProcess(options({ name: 'auto' }, { name: 'general' }), before)
    assert.deepEqual([same.chosen, same.note], ['auto', undefined])
    const root = options({ name: 'auto', problem: 'It runs as root.' }, { name: 'general' })
    const { choices, chosen, note } = profilesForProcess(root, before)
    assert.equal(chosen, '')
    assert.match(note ?? '', /profile auto does not go with this process/)
    assert.equal(choices[0]?.problem, 'It runs as root.')
  })
})

describe('the processes to choose from', () => {
  const items = [
    { process: '7', name: 'node', pid: 7, user: '1000:1000', found: true },
    { process: 'redis', name: 'redis', user: '999:999', found: false },
  ]

  it('begin with the one that is found, whatever number it comes to have', () => {
    assert.deepEqual(processOptions(items, ''), [
      ['', 'node, process 7, user 1000:1000 (found)'],
      ['redis', 'redis, user 999:999'],
    ])
  })

  it('have what a link asks for, also where the list has not', () => {
    assert.equal(processOptions(items, 'redis').length, 2)
    assert.deepEqual(processOptions(items, 'a\u202eb')[2]?.[0], 'a\u202eb')
    assert.doesNotMatch(processOptions(items, 'a\u202eb')[2]?.[1] ?? '', /\u202e/)
  })

  it('can be taken back where none can be told: the form would be dead with what a link asks for', () => {
    const untold = { profiles: [] } as unknown as Options
    assert.equal(processChoices(untold, ''), undefined)
    assert.deepEqual(processChoices(untold, 'worker')?.options, [
      ['', 'the one that is found'],
      ['worker', 'worker'],
    ])
    // Listed, and the one that is found not among them.
    assert.deepEqual(processOptions(items.slice(1), 'redis'), [
      ['', 'the one that is found'],
      ['redis', 'redis, user 999:999'],
    ])
  })

  it('are shown where it is not plain which one is meant', () => {
    const told = (some: typeof items, init?: string) => {
      const identity = init === undefined ? {} : { identity: { process: { init } } }
      const profiles = [{ name: 'auto', ...identity }]
      return { profiles, processes: { items: some, total: 9 } } as unknown as Options
    }
    assert.equal(processChoices(told(items.slice(0, 1)), ''), undefined)
    const alone = processChoices(told(items.slice(0, 1), 'tini'), '')
    assert.deepEqual([alone?.found?.name, alone?.init, alone?.options], ['node', 'tini', []])
    const { count, total, options } = processChoices(told(items), '') ?? assert.fail()
    assert.deepEqual([count, total, options.length], [2, 9, 2])
    assert.equal(processChoices(told(items.slice(0, 1)), 'gone')?.options.length, 2)
  })

  it('have the one that was asked for again when a session is opened again', () => {
    const session = { target: { ref: 'local/web' }, toolbox: 'busybox', profile: 'auto' } as Session
    assert.equal(openAgainPath(session), '/debug/local/web?toolbox=busybox&profile=auto')
    const again = openAgainPath({ ...session, process: 'redis' }, { profile: 'general' })
    assert.equal(again, '/debug/local/web?toolbox=busybox&profile=general&process=redis')
  })

  it('are asked for by links to containers of Docker alone', () => {
    const asks = new URLSearchParams({ process: 'redis' })
    const docker = { kind: 'docker' } as unknown as TargetDetail
    assert.deepEqual(linkedProcess(docker, asks), { process: 'redis', notes: [] })
    assert.deepEqual(linkedProcess(docker, new URLSearchParams()), { process: '', notes: [] })
    const inCluster = linkedProcess(target({}), asks)
    assert.equal(inCluster.process, '')
    assert.match(inCluster.notes.join(' '), /process “redis”/)
  })
})
