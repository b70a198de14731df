import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inOrder, powerFacts, unjudgedFacts } from '../../server/core/target-facts.ts'
import { readInspected, type Inspected } from '../../server/drivers/docker/read.ts'
import { factsOfContainer, type Lookups } from '../../server/drivers/docker/target-facts.ts'
import { requireJudged } from '../../server/drivers/shared/judged-facts.ts'

type Mount = Inspected['Mounts'][number]

interface Made {
  options?: Record<string, unknown> | null
  mounts?: Partial<Mount>[]
  startedAt?: string
  running?: boolean
}

/** As the engine's answer is read; it always says something of the options. */
function container(
  id: string,
  { options = {}, mounts = [], startedAt, running = true }: Made = {},
): Inspected {
  const State = { StartedAt: startedAt ?? '2026-01-01T00:00:00Z', Running: running }
  const HostConfig = options && { PidMode: '', ...options }
  return readInspected({ Id: id, HostConfig, Mounts: mounts, State, Config: { User: '' } }, 'local')
}

function bind(source: string, writable = true): Partial<Mount> {
  return { Type: 'bind', Source: source, Destination: '/there', RW: writable }
}

/** By id, and by the names given. */
function lookups(others: Record<string, Inspected> = {}, change: Partial<Lookups> = {}): Lookups {
  const byId = new Map(Object.values(others).map((each) => [each.Id, each]))
  return {
    container: async (reference) => others[reference] ?? byId.get(reference),
    volume: async () => ({ options: {} }),
    remaps: false,
    sockets: [],
    ...change,
  }
}

async function factsOf(made: Made, others: Record<string, Inspected> = {}, change: Partial<Lookups> = {}) {
  return await factsOfContainer(container('target', made), lookups(others, change))
}

const hostPid = container('agent', { options: { PidMode: 'host', SecurityOpt: ['label=disable'] } })

describe('facts of a container', () => {
  const own: [string, Made, string[]][] = [
    ['nothing', {}, []],
    ['null in each', { options: { CapAdd: null, SecurityOpt: null, Devices: null } }, []],
    ['privileged', { options: { Privileged: true, SecurityOpt: ['label=disable'] } }, ['privileged']],
    ['the processes of its host', { options: { PidMode: 'host' } }, ['hostPid']],
    ['the network of its host', { options: { NetworkMode: 'host' } }, ['hostNetwork']],
    [
      'the shared memory of its host',
      { options: { IpcMode: 'host', SecurityOpt: ['label=disable'] } },
      ['hostPath'],
    ],
    ['a directory of its host', { mounts: [bind('/srv/data')] }, ['hostPath']],
    ['a file to read', { mounts: [bind('/srv/data', false)] }, []],
    ['the engine', { mounts: [bind('/var/run/docker.sock', false)] }, ['engineSocket']],
    ['a disk', { options: { Devices: [{ PathOnHost: '/dev/sda' }] } }, ['hostPath']],
    ['a rule for devices', { options: { DeviceCgroupRules: ['b 8:* rwm'] } }, ['hostPath']],
    ['a tunnel', { options: { Devices: [{ PathOnHost: '/dev/net/tun' }] } }, []],
    ['a capability', { options: { CapAdd: ['cap_sys_admin'] } }, ['extraCapabilities']],
    ['all capabilities', { options: { CapAdd: ['ALL'], CapDrop: ['NET_RAW'] } }, ['extraCapabilities']],
    ['a default capability', { options: { CapAdd: ['NET_RAW'], CapDrop: ['ALL'] } }, []],
    ['locked memory', { options: { CapAdd: ['IPC_LOCK', 'SYS_NICE'] } }, []],
    ['no seccomp', { options: { SecurityOpt: ['seccomp=unconfined'] } }, ['unconfined']],
    [
      'no seccomp, as it was once written',
      { options: { SecurityOpt: ['seccomp:unconfined'] } },
      ['unconfined'],
    ],
    [
      'seccomp that lets all pass',
      { options: { SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] } },
      ['unconfined'],
    ],
    ['seccomp of its own', { options: { SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ERRNO"}'] } }, []],
    ['no AppArmor', { options: { SecurityOpt: ['apparmor=unconfined'] } }, ['unconfined']],
    ['no SELinux', { options: { SecurityOpt: ['label=disable'] } }, ['unconfined']],
    ['the SELinux type of the host', { options: { SecurityOpt: ['label=type:spc_t'] } }, ['unconfined']],
    ['no masks', { options: { MaskedPaths: [] } }, ['unconfined']],
    [
      'more than one',
      { options: { Privileged: true, NetworkMode: 'host' }, mounts: [bind('/')] },
      ['privileged', 'hostNetwork', 'hostPath', 'engineSocket'],
    ],
  ]
  for (const [name, made, expected] of own) {
    it(`of one with ${name}: ${expected.join(', ') || 'none'}`, async () => {
      assert.deepEqual(await factsOf(made), { facts: expected, unknownFacts: [] })
    })
  }

  it('of one whose options the engine does not tell are unknown, but for what it does tell', async () => {
    const made = { options: null, mounts: [bind('/var/run/docker.sock')] }
    assert.deepEqual(await factsOf(made), {
      facts: [],
      unknownFacts: inOrder([...powerFacts, 'hostNetwork']),
    })
  })

  it('of a mount of which the engine tells too little are those of the worst one', async () => {
    const mounts = [{ Type: 'bind' } as const]
    assert.deepEqual((await factsOf({ mounts })).facts, ['hostPath', 'engineSocket'])
  })

  it('finds what a volume is made of', async () => {
    const mounts = [
      {
        Type: 'volume',
        Name: 'v',
        Driver: 'local',
        Source: '/var/lib/docker/volumes/v/_data',
        Destination: '/v',
        RW: true,
      } as const,
    ]
    const of = async (options: Record<string, string>) =>
      (await factsOf({ mounts }, {}, { volume: async () => ({ options }) })).facts
    assert.deepEqual(await of({}), [])
    assert.deepEqual(await of({ type: 'none', o: 'bind', device: '/var/run' }), ['hostPath', 'engineSocket'])
    assert.deepEqual(await of({ type: 'ext4', device: '/dev/sdb1' }), ['hostPath'])
    assert.deepEqual(await of({ type: 'nfs', o: 'addr=10.0.0.1', device: ':/export' }), [])
    assert.deepEqual(await of({ type: 'cifs', device: '//server/share' }), [])
    const gone = await factsOf({ mounts }, {}, { volume: async () => undefined })
    assert.deepEqual(gone, { facts: [], unknownFacts: ['hostPath', 'engineSocket'] })
  })

  it('tells of an engine that maps ids, and of who is left out of that', async () => {
    assert.deepEqual((await factsOf({}, {}, { remaps: true })).facts, ['userNamespace'])
    assert.deepEqual((await factsOf({ options: { UsernsMode: 'host' } }, {}, { remaps: true })).facts, [])
  })
})

describe('facts of a container that shares namespaces', () => {
  const joined = (reference: string) => ({ options: { PidMode: `container:${reference}` } })

  it('follows pid: container:… to the host, over any number of containers', async () => {
    assert.deepEqual((await factsOf(joined('agent'), { agent: hostPid })).facts, ['hostPid'])
    const others: Record<string, Inspected> = { agent: hostPid }
    others['b'] = container('b', joined('agent'))
    others['a'] = container('a', joined('b'))
    assert.deepEqual((await factsOf(joined('a'), others)).facts, ['hostPid'])
  })

  it('follows the network and the shared memory in the same way', async () => {
    const agent = container('agent', { options: { NetworkMode: 'host', IpcMode: 'host' } })
    const target = { options: { NetworkMode: 'container:agent', IpcMode: 'container:agent' } }
    assert.deepEqual((await factsOf(target, { agent })).facts, ['hostNetwork', 'hostPath'])
  })

  it('counts what those have whose processes it shares, and only those', async () => {
    const strong = { options: { Privileged: true }, mounts: [bind('/var/run/docker.sock')] }
    const agent = container('agent', strong)
    assert.deepEqual((await factsOf(joined('agent'), { agent })).facts, ['privileged', 'engineSocket'])
    const network = { options: { NetworkMode: 'container:agent' } }
    assert.deepEqual((await factsOf(network, { agent })).facts, [])
  })

  it('leaves open what a chain hides that does not come to its end', async () => {
    const open = { facts: [], unknownFacts: [...powerFacts] }
    assert.deepEqual(await factsOf(joined('gone')), open)
    const loop = { a: container('a', joined('b')), b: container('b', joined('a')) }
    assert.deepEqual(await factsOf(joined('a'), loop), open)
    const long = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`c${n}`, container(`c${n}`, joined(`c${n + 1}`))]),
    )
    assert.deepEqual(await factsOf(joined('c0'), long), open)
  })

  it('does not take a container for the one that was joined because it has its name now', async () => {
    const at = (startedAt: string, running = true) => ({ name: container('other', { startedAt, running }) })
    const target = { ...joined('name'), startedAt: '2026-01-01T10:00:00Z' }
    assert.deepEqual((await factsOf(target, at('2026-01-01T09:00:00Z'))).unknownFacts, [])
    assert.deepEqual((await factsOf(target, at('2026-01-01T11:00:00Z'))).unknownFacts, [...powerFacts])
    assert.deepEqual((await factsOf(target, at('2026-01-01T09:00:00Z', false))).unknownFacts, [...powerFacts])
  })
})

describe('what policy has judged of a target', () => {
  it('has to be all that gives power, also what could not be found out', () => {
    const found = { facts: ['hostNetwork', 'hostPath'], unknownFacts: ['privileged'] } as const
    assert.deepEqual(unjudgedFacts(found, []), ['privileged', 'hostPath'])
    assert.throws(() => requireJudged(found, {}, 'web'), {
      code: 'profile_insufficient',
      message: /files or devices/,
    })
    assert.throws(() => requireJudged(found, { facts: ['hostPath'] }, 'web'), {
      code: 'profile_insufficient',
      message: /could not be found out/,
    })
    requireJudged(found, { facts: ['hostPath', 'privileged'] }, 'web')
    requireJudged({ facts: ['hostNetwork', 'userNamespace'], unknownFacts: [] }, {}, 'web')
  })
})
