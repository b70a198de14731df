import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Session } from '../../server/protocol/session-api.ts'
import type { Run } from '../../server/protocol/run-api.ts'
import { testCluster, type TestCluster } from '../support/cluster.ts'
import { startClusterGateway, type ClusterGateway } from '../support/cluster-gateway.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { processesIn } from '../support/cluster-processes.ts'
import { eventually } from '../support/eventually.ts'
import { outputOf } from '../support/recordings.ts'

let cluster: TestCluster
let space: TestNamespace
let running: ClusterGateway

before(async () => {
  cluster = await testCluster()
  space = await TestNamespace.create(cluster)
  await space.runDeployment({ name: 'api', user: '65532:65532' })
  running = await startClusterGateway(cluster)
})
after(async () => {
  await running.stop()
  await space.close()
  cluster.api.close()
})

const sh = (script: string) => ['/bin/sh', '-c', script]
const run = (command: readonly string[], change: object = {}) =>
  running.gateway.api<Run>('POST', '/runs', {
    target: `prod/${space.name}/deployment/api`,
    command,
    timeoutSeconds: 60,
    ...change,
  })
const sessionOf = ({ id }: Pick<Run, 'id'>) => running.gateway.api<Session>('GET', `/sessions/${id}`)
const recorded = async ({ id }: Pick<Run, 'id'>) =>
  outputOf(await (await running.gateway.fetch('GET', `/sessions/${id}/recording`)).text())
/** The pod has no process of this run. */
const gone = async ({ target, id }: Session) =>
  await eventually(
    async () => {
      const pod = await space.pod(target.resolved.pod ?? '')
      return !(await processesIn(pod)).some(({ container }) => container === `hatchway-${id}`)
    },
    { what: 'the command to be gone', timeoutMs: 20_000 },
  )
const going = () =>
  eventually(async () => {
    const { items } = await running.gateway.api<{ items: Session[] }>('GET', '/sessions?state=running')
    return items[0] ?? false
  })

describe('a run in a pod', () => {
  it('answers with exit code and both streams, and what it answers is recorded', async () => {
    const done = await run(sh('id -u; cat $TARGET/www/hello.txt; seq 1 1000; echo careful >&2; exit 7'))
    assert.equal(done.exitCode, 7)
    assert.match(done.stdout, /^65532\nhello from the target\n?1\n2\n/)
    assert.equal(done.stderr, 'careful\n')
    assert.equal(done.identity?.seesFiles, true)
    const session = await sessionOf(done)
    assert.equal(session.recording.state, 'sealed')
    assert.ok(session.target.resolved.pod?.startsWith('api-'))
    const lines = (text: string) => text.split('\n').toSorted().join('\n')
    const output = (await recorded(done)).toString().replaceAll('\r\n', '\n')
    assert.equal(lines(output), lines(done.stdout + done.stderr))
  })

  it('is ended when its time is over, with what it has written until then', async () => {
    const done = await run(sh('echo begun; sleep 600'), { timeoutSeconds: 6 })
    assert.equal(done.end.reason, 'expired')
    assert.equal(done.stdout, 'begun\n')
    await gone(await sessionOf(done))
  })

  it('is ended by DELETE', async () => {
    const answer = run(sh('echo begun; sleep 600'))
    const session = await going()
    await running.gateway.api('DELETE', `/sessions/${session.id}`)
    assert.equal((await answer).end.reason, 'terminated')
    await gone(session)
  })

  it('ends with a gateway that is killed', async () => {
    const answer = assert.rejects(run(sh('echo begun; sleep 600'), { timeoutSeconds: 600 }))
    const session = await going()
    await running.gateway.down('SIGKILL')
    await answer
    await gone(session)
    await running.gateway.up()
    const ended = await eventually(async () => {
      const now = await sessionOf(session)
      return now.recording.state === 'sealed' && now
    })
    assert.equal(ended.end?.reason, 'lost')
  })
})
