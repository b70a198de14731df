import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { ConfigError } from '../../server/core/config-error.ts'
import { policyFromText } from '../../server/policy/compile-policy.ts'
import { openPolicyFile, type PolicyFile } from '../../server/policy/policy-file.ts'

const allowing = (action: string) =>
  `rules: [{name: may ${action}, who: {everyone: true}, actions: [${action}], effect: allow}]`

let directory: string
let path: string
let file: PolicyFile | undefined
let events: EventEmitter

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hatchway-policy-'))
  path = join(directory, 'policy.yaml')
  events = new EventEmitter()
  await writeFile(path, allowing('open'))
})
afterEach(async () => {
  file?.close()
  file = undefined
  await rm(directory, { recursive: true })
})

async function open(pollMs = 60_000): Promise<PolicyFile> {
  file = await openPolicyFile({
    path,
    pollMs,
    onReload: (version) => events.emit('reload', version),
    onError: (problem) => events.emit('problem', problem),
  })
  return file
}

/** The next event of this kind; fails instead of hanging. */
const next = async (kind: 'reload' | 'problem'): Promise<unknown> =>
  (await once(events, kind, { signal: AbortSignal.timeout(30_000) }))[0]

function may(policy: PolicyFile, action: 'open' | 'watch'): boolean {
  const target = { environment: 'local', name: 'web', labels: {} }
  return (
    policy.at(new Date()).decide({ who: { subject: 'ada', groups: [] }, action, target }).effect === 'allow'
  )
}

/** Microseconds of this thread. */
function cpuOf(work: () => unknown): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return user + system
}

describe('a policy file that is followed', () => {
  it('takes effect when it is written over', async () => {
    const policy = await open()
    const version = policy.version
    assert.deepEqual([may(policy, 'open'), may(policy, 'watch')], [true, false])
    const reloaded = next('reload')
    await writeFile(path, allowing('watch'))
    assert.equal(await reloaded, policy.version)
    assert.notEqual(policy.version, version)
    assert.deepEqual([may(policy, 'open'), may(policy, 'watch')], [false, true])
  })

  it('is read in a thread of its own when it is large, and says what is wrong with it as a small one does', async () => {
    const policy = await open()
    const rule = (n: number) =>
      `  - {name: r${n}, who: {groups: [team-${n}]}, where: {targets: ["api-${n}*"]}, actions: [watch], effect: allow}\n`
    const large = `rules:\n${Array.from({ length: 400 }, (_, n) => rule(n)).join('')}`
    // Twice, so that no code is new.
    const { version } = policyFromText(large)
    const here = cpuOf(() => policyFromText(large))
    // A thread keeps no process alive.
    const alive = setInterval(() => undefined, 1_000)
    try {
      const before = process.threadCpuUsage()
      const reloaded = next('reload')
      await writeFile(path, large)
      assert.equal(await reloaded, version)
      const { user, system } = process.threadCpuUsage(before)
      assert.ok(user + system < here / 2, `${user + system} µs of this thread, and ${here} to read it here`)
      const asked = { environment: 'local', name: 'api-7-x', labels: {} }
      const who = { subject: 'ada', groups: ['team-7'] }
      assert.equal(policy.at(new Date()).decide({ who, action: 'watch', target: asked }).effect, 'allow')
      const problem = next('problem')
      await writeFile(path, large.replace('name: r300,', 'nam: r300,'))
      const { problems } = (await problem) as ConfigError
      assert.deepEqual(
        problems.map(({ line, path: where }) => [line, where]),
        [
          [302, 'rules[300].name'],
          [302, 'rules[300].nam'],
        ],
      )
    } finally {
      clearInterval(alive)
    }
  })

  it('takes effect when another file takes its place, as editors do it', async () => {
    const policy = await open()
    for (const action of ['watch', 'open'] as const) {
      const reloaded = next('reload')
      await writeFile(`${path}.new`, allowing(action))
      await rename(`${path}.new`, path)
      await reloaded
      assert.ok(may(policy, action))
    }
  })

  it('takes effect when a symlink further up is swapped, as Kubernetes does it', async () => {
    for (const [name, action] of [
      ['v1', 'open'],
      ['v2', 'watch'],
    ] as const) {
      await mkdir(join(directory, name))
      await writeFile(join(directory, name, 'policy.yaml'), allowing(action))
    }
    await symlink('v1', join(directory, 'data'))
    path = join(directory, 'data', 'policy.yaml')
    const policy = await open(50)
    assert.ok(may(policy, 'open'))
    const reloaded = next('reload')
    await symlink('v2', join(directory, 'data.new'))
    await rename(join(directory, 'data.new'), join(directory, 'data'))
    await reloaded
    assert.ok(may(policy, 'watch'))
  })

  it('keeps the last good policy while the file is broken or gone, and says so once', async () => {
    const policy = await open(50)
    const problems: ConfigError[] = []
    events.on('problem', (problem: ConfigError) => problems.push(problem))
    const broken = next('problem')
    await writeFile(path, 'rules: [{nam: x}]')
    await broken
    await policy.reload()
    await policy.reload()
    assert.ok(may(policy, 'open'))
    assert.equal(problems.length, 1)
    assert.match(problems[0]?.message ?? '', /policy\.yaml:1: rules\[0\]\.nam: unknown key/)
    const gone = next('problem')
    await rm(path)
    assert.match(String(await gone), /cannot be read: ENOENT/)
    assert.ok(may(policy, 'open'))
    const reloaded = next('reload')
    await writeFile(path, allowing('watch'))
    await reloaded
    assert.ok(may(policy, 'watch'))
  })

  it('reads at once when it is told to, and reports no change where there is none', async () => {
    const policy = await open()
    let reloads = 0
    events.on('reload', () => reloads++)
    await policy.reload()
    assert.equal(reloads, 0)
    await writeFile(path, allowing('watch'))
    await policy.reload()
    assert.ok(may(policy, 'watch'))
    assert.equal(reloads, 1)
  })

  it('has to be good at the start', async () => {
    await writeFile(path, 'rules: 7')
    await assert.rejects(open(), ConfigError)
    await rm(path)
    await assert.rejects(open(), /policy\.yaml: cannot be read: ENOENT/)
    await writeFile(path, `rules: [] #${'x'.repeat(1024 * 1024)}`)
    await assert.rejects(open(), /larger than 1 MiB/)
  })
})
