import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { profiles, type Target } from '../../server/core/target.ts'
import type { TestContainerSpec } from '../support/containers.ts'
import { DockerUser } from '../support/docker-user.ts'
import { testEngines } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import type { DockerDriver } from '../../server/targets/docker.ts'
import { deadline } from './driver-ground.ts'
import { toldAsItIs } from './driver-identity.ts'

interface Row extends TestContainerSpec {
  is: string
  /** As whom its first process really runs. */
  runsAs: string
  /** The kernel hides its process from its own user, which only shows once somebody looks. */
  hides?: boolean
  /** Capabilities that `auto` must have for it, and may not go beyond. */
  needs?: readonly string[]
}

const root = { image: 'web', user: '0:0', runsAs: '0:0' } as const

// Which container can read another's /proc/1/root is the kernel's PTRACE_MODE_READ_FSCREDS (ptrace(2)): the same uid
// and gid and a superset of its permitted capabilities, or CAP_SYS_PTRACE; and nobody's own process hides itself.
const rows: readonly Row[] = [
  { is: 'a user by number', image: 'web', runsAs: '65532:65532' },
  { is: 'a user by number without a group', image: 'web', user: '65532', runsAs: '65532:0' },
  { is: 'a user by name, known to its own passwd alone', image: 'web-named', runsAs: '4711:4712' },
  { is: 'root that drops privileges like gosu', image: 'web-gosu', runsAs: '65532:65532' },
  {
    is: 'root that drops privileges without an exec',
    image: 'web-undumpable',
    runsAs: '65532:65532',
    hides: true,
  },
  { is: 'root', ...root },
  { is: 'root with NET_ADMIN', ...root, host: { CapAdd: ['NET_ADMIN'] }, needs: ['NET_ADMIN'] },
  {
    is: 'root with two more capabilities',
    ...root,
    host: { CapAdd: ['SYS_TIME', 'CAP_IPC_LOCK'] },
    needs: ['IPC_LOCK', 'SYS_TIME'],
  },
  { is: 'root without capabilities', ...root, host: { CapDrop: ['ALL'] } },
  {
    is: 'root with one capability',
    ...root,
    host: { CapDrop: ['ALL'], CapAdd: ['NET_BIND_SERVICE'] },
    needs: ['NET_BIND_SERVICE'],
  },
  {
    is: 'a user without capabilities',
    image: 'web',
    user: '1000:1000',
    runsAs: '1000:1000',
    host: { CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'] },
  },
  {
    is: 'a user with a capability that it cannot use',
    image: 'web',
    runsAs: '65532:65532',
    host: { CapAdd: ['NET_ADMIN'] },
  },
  {
    is: 'a user on a read-only root',
    image: 'web',
    user: '1000:1000',
    runsAs: '1000:1000',
    host: { ReadonlyRootfs: true },
  },
  {
    is: 'a user with more groups',
    image: 'web',
    runsAs: '65532:65532',
    host: { GroupAdd: ['2000', '3000'] },
  },
]

for (const engine of await testEngines()) {
  describe(`identity on Docker, ${engine.name} engine`, () => {
    let user: DockerUser
    before(async () => {
      user = await DockerUser.on(engine)
    })
    afterEach(() => user.stopAll())
    after(() => user.close())

    for (const row of rows) {
      describe(`of ${row.is}`, () => {
        let target: Awaited<ReturnType<DockerUser['target']>>
        before(async () => {
          const container = await user.run(row)
          // One that drops privileges is root for a moment, in which nobody can know more.
          await eventually(async () => {
            const { Processes } = await user.docker
              .getContainer(container.id)
              .top({ ps_args: '-o pid,euid,egid' })
            assert.equal(Processes[0]?.slice(1).join(':'), row.runsAs)
          })
          target = { ...(await user.find(container.name)), ...container }
        })

        it('is found out', () => assert.equal(target.user, row.runsAs))

        it('lets auto see its files with no more than that takes', async () => {
          const { identity } = await user.open({ target, profile: 'auto' })
          assert.equal(`${identity.uid}:${identity.gid}`, row.runsAs)
          assert.equal(identity.seesFiles, true)
          for (const name of row.needs ?? []) assert.ok(identity.capabilities.includes(name), `has ${name}`)
          if (!row.needs?.includes('SYS_PTRACE')) assert.ok(!identity.capabilities.includes('SYS_PTRACE'))
          assert.ok(!identity.capabilities.includes('ALL'))
          assert.ok(!identity.capabilities.includes('SYS_ADMIN'))
        })

        it('is told as it is with each profile', async () => {
          for (const profile of profiles.filter((each) => each !== 'sysadmin')) {
            await toldAsItIs(user, target, profile, { hides: row.hides })
          }
        })
      })
    }

    for (const [where, local] of [
      ['on this machine', true],
      ['on another', false],
    ] as const) {
      it(`is that of what an init has started, with the engine ${where}`, async () => {
        const container = await user.run({ image: 'web-init' })
        await eventually(async () => {
          const { Processes } = await user.docker.getContainer(container.id).top({ ps_args: '-o pid,comm' })
          assert.match(JSON.stringify(Processes), /"httpd"/)
        })
        const far = await DockerUser.on(engine)
        try {
          // An engine elsewhere has another process table than the gateway.
          Object.defineProperty((far.driver as DockerDriver).client, 'local', { value: local })
          const target = await far.find(container.name)
          assert.equal(target.user, '65532:65532')
          const identity = await toldAsItIs(far, target, 'auto', { root: '$TARGET' })
          assert.equal(identity?.uid, 65532)
          const { name, init, pid } = identity.process ?? {}
          assert.deepEqual([name, init, pid !== undefined], ['httpd', 'init', local])
          assert.match(identity.explanation, /like the target's httpd.* \(which runs below the init init\)/)
          const { shell } = await far.open({ target })
          assert.equal(await shell.run('cat ${TARGET%root}environ >/dev/null && echo looks'), 'looks')
          await choosesAnother(far, target, pid)
        } finally {
          await far.close()
        }
      })
    }

    it('takes the supplementary groups along', async () => {
      const target = await user.target({ image: 'web', host: { GroupAdd: ['2000', '3000'] } })
      const { shell, identity } = await user.open({ target })
      assert.deepEqual(
        identity.groups.toSorted((left, right) => left - right),
        [2000, 3000],
      )
      assert.match(await shell.run('grep ^Groups: /proc/self/status'), /2000 3000/)
    })

    it('runs restricted as nobody else than the target, without capabilities', async () => {
      const { identity, shell } = await user.open({ profile: 'restricted' })
      assert.deepEqual(identity.capabilities, [])
      assert.match(await shell.run('grep CapBnd: /proc/self/status'), /0000000000000000$/)
      assert.match(await shell.run('grep NoNewPrivs: /proc/self/status'), /1$/)
    })

    it('gives netadmin what its name says', async () => {
      const target = await user.target(root)
      const { shell } = await user.open({ target, profile: 'netadmin' })
      assert.equal(await shell.run('ip link set lo mtu 1400 && cat /sys/class/net/lo/mtu'), '1400')
    })
  })
}

/** Beside an init as root and httpd as another user, whose number is told where the engine is on this machine. */
async function choosesAnother(user: DockerUser, target: Target, httpd: number | undefined): Promise<void> {
  const { items = [] } = (await user.access.processes?.(target, deadline())) ?? {}
  const found = { process: String(httpd ?? 'httpd'), name: 'httpd', user: '65532:65532', found: true }
  assert.deepEqual(items, [{ ...found, ...(httpd !== undefined && { pid: httpd }) }])
  const asked = httpd === undefined ? 'init' : '1'
  await assert.rejects(user.access.identify(target, 'auto', deadline(), { process: asked }), {
    code: 'profile_insufficient',
  })
  const gone = { target, process: { asked: 'gone' } }
  await assert.rejects(user.open(gone), { code: 'process_not_found', message: /It has: .*init.*httpd/ })
  const { shell, identity } = await user.open({ target, profile: 'general', process: { asked } })
  assert.deepEqual([identity.uid, identity.process?.chosen], [0, true])
  assert.equal(await shell.run('read name <${TARGET%root}comm && echo $name'), 'init')
}
