import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import type { TargetState } from '../../server/core/vocabulary.ts'
import type { Environment } from '../../server/protocol/api.ts'
import type { TargetDetail, TargetList } from '../../server/protocol/target-api.ts'
import { echoPrograms } from '../drivers/echo-driver.ts'
import { MemoryDriver } from '../drivers/memory-driver.ts'
import { hostInMemory, MemoryHost } from '../drivers/memory-host.ts'
import { describeClusterTarget } from '../drivers/memory-targets.ts'
import {
  sharedHttpGateway,
  startHttpGateway,
  type HttpGateway,
  type HttpGatewayOptions,
} from '../support/http-gateway.ts'
import { adminsMayAll, policyOf } from '../support/policies.ts'

const environments = ['local', 'prod', 'stage']

/** A Docker host and two clusters: deployments with their pods, a bare pod, a job. */
function createHosts() {
  const pod = (path: string, above: string[], state: TargetState = 'running') =>
    describeClusterTarget('prod', path, {
      above,
      state,
      labels: { app: path.replace(/^.*\/|-\d$/g, ''), tier: 'front' },
      node: `node-${path.at(-1)}`,
    })
  const prod = new MemoryHost('prod', echoPrograms, [
    describeClusterTarget('prod', 'payments/deployment/api'),
    pod('payments/pod/api-1', ['replicaset/api-5f', 'deployment/api']),
    pod('payments/pod/api-2', ['replicaset/api-5f', 'deployment/api']),
    describeClusterTarget('prod', 'payments/deployment/worker', { state: 'restarting' }),
    pod('payments/pod/worker-1', ['replicaset/worker-77', 'deployment/worker'], 'restarting'),
    describeClusterTarget('prod', 'payments/job/report', { state: 'exited' }),
    pod('shop/pod/alone-1', []),
    pod('vault/pod/vault-1', ['statefulset/vault']),
  ])
  const stage = new MemoryHost('stage', echoPrograms, [
    describeClusterTarget('stage', 'payments/deployment/api', { state: 'created' }),
  ])
  const local = hostInMemory('local', echoPrograms, ['web-1', 'web-2'])
  return { local, prod, stage }
}

const sees = (subject: string, where: object) => ({
  name: `${subject} sees`,
  who: { subjects: [subject] },
  actions: ['list'],
  where,
  effect: 'allow',
})
const hides = (subject: string, target: string) => ({
  name: `${subject} does not see`,
  who: { subjects: [subject] },
  actions: ['list'],
  where: { targets: [target] },
  effect: 'deny',
})
const policy = policyOf(
  adminsMayAll,
  sees('payer', { namespaces: ['payments'] }),
  hides('payer', 'deployment/worker'),
  sees('picky', { targets: ['deployment/api'] }),
  hides('picky', 'pod/api-2'),
)

const optionsOf = ({ local, prod, stage } = createHosts()): HttpGatewayOptions => ({
  policy,
  change: () => ({
    drivers: new Map([
      ['local', new MemoryDriver(local, 'test')],
      ['prod', new MemoryDriver(prod, 'test', 'kubernetes')],
      ['stage', new MemoryDriver(stage, 'test', 'kubernetes')],
    ]),
  }),
})
const admin = { groups: ['admins'] }

async function list(
  gateway: HttpGateway,
  query: string,
  subject = 'root',
  rights: object = admin,
): Promise<TargetList> {
  const token = await gateway.issuer.token(subject, rights)
  const answer = await gateway.call(`/api/v1/targets?${query}`, token)
  assert.equal(answer.status, 200, await answer.clone().text())
  return (await answer.json()) as TargetList
}

const refs = ({ items }: TargetList) => items.map(({ ref }) => ref)

describe('the list of targets in clusters', () => {
  const shared = sharedHttpGateway(optionsOf())

  it('shows workloads in place of their pods, what fails first and what is over last', async () => {
    assert.deepEqual(refs(await list(shared(), '')), [
      'prod/payments/deployment/worker',
      'local/web-1',
      'local/web-2',
      'prod/payments/deployment/api',
      'prod/shop/pod/alone-1',
      'prod/vault/pod/vault-1',
      'stage/payments/deployment/api',
      'prod/payments/job/report',
    ])
  })

  it('shows a pod where its workload does not fit, or may not be seen', async () => {
    assert.deepEqual(refs(await list(shared(), 'q=api-2')), ['prod/payments/pod/api-2'])
    assert.deepEqual(refs(await list(shared(), 'q=NODE-1&environment=prod&namespace=payments')), [
      'prod/payments/pod/worker-1',
      'prod/payments/pod/api-1',
    ])
  })

  it('filters by kind, namespace, state and set-based selectors', async () => {
    const cases: [string, string[]][] = [
      ['kind=pod&namespace=payments', ['worker-1', 'api-1', 'api-2']],
      ['kind=job,container', ['web-1', 'web-2', 'report']],
      ['kind=deployment&environment=stage', ['api']],
      ['state=restarting,exited', ['worker', 'report']],
      ['kind=pod&state=restarting', ['worker-1']],
      ['kind=pod&selector=app%20in%20(api,alone)', ['api-1', 'api-2', 'alone-1']],
      ['kind=pod&selector=app%20notin%20(api,alone),tier', ['worker-1', 'vault-1']],
      ['kind=pod&selector=tier%3Dfront,app%20in(%20vault%20,x),!none', ['vault-1']],
      ['environment=prod&namespace=nowhere', []],
    ]
    for (const [query, expected] of cases) {
      const { items } = await list(shared(), query)
      assert.deepEqual(
        items.map(({ name }) => name),
        expected,
        query,
      )
    }
  })

  it('refuses what is no filter', async () => {
    const token = await shared().issuer.token('root', admin)
    const bad = [
      'kind=cronjob',
      'state=asleep',
      'selector=a%20in%20b',
      'selector=a%20in%20(b',
      'selector=a%20notin',
      'selector=a%20in%20(b=c)',
      'limit=0',
      'limit=1001',
      'cursor=x',
      `cursor=${Buffer.from('["a"]').toString('base64url')}`,
    ]
    for (const query of bad) {
      const answer = await shared().call(`/api/v1/targets?${query}`, token)
      assert.equal(answer.status, 400, query)
      assert.equal(((await answer.json()) as { code: string }).code, 'invalid_request')
    }
  })

  it('counts states before they are filtered, and namespaces whatever the filters say', async () => {
    const { total, states, namespaces } = await list(shared(), 'environment=prod&state=exited&q=payments')
    assert.equal(total, 1)
    assert.deepEqual(states, { restarting: 1, running: 1, exited: 1 })
    assert.deepEqual(namespaces, [
      { environment: 'prod', namespace: 'payments', targets: 6 },
      { environment: 'prod', namespace: 'shop', targets: 1 },
      { environment: 'prod', namespace: 'vault', targets: 1 },
    ])
  })

  it('counts and shows only what policy lets the caller see', async () => {
    const mine = await list(shared(), '', 'payer', {})
    assert.deepEqual(refs(mine), [
      'prod/payments/deployment/api',
      'stage/payments/deployment/api',
      'prod/payments/job/report',
    ])
    assert.deepEqual(mine.namespaces, [
      { environment: 'prod', namespace: 'payments', targets: 4 },
      { environment: 'stage', namespace: 'payments', targets: 1 },
    ])
    assert.deepEqual(mine.states, { running: 1, created: 1, exited: 1 })
    const nobody = await list(shared(), '', 'nobody', {})
    assert.deepEqual([nobody.items, nobody.total, nobody.namespaces, nobody.states], [[], 0, [], {}])
  })
})

describe('pages of targets', () => {
  it('bring each target once, in the order of one page', async (t) => {
    const gateway = await startHttpGateway(t, optionsOf())
    const all = refs(await list(gateway, 'kind=pod,deployment,job,container'))
    for (const limit of [1, 3, 4, all.length]) {
      const found: string[] = []
      let next: string | undefined
      do {
        const cursor: string = next === undefined ? '' : `&cursor=${next}`
        const page = await list(gateway, `kind=pod,deployment,job,container&limit=${limit}${cursor}`)
        assert.ok(page.items.length <= limit)
        assert.equal(page.total, all.length)
        found.push(...refs(page))
        next = page.next
      } while (next !== undefined)
      assert.deepEqual(found, all, `limit ${limit}`)
    }
  })

  it('go on where they were when targets come and go between them, also the last one shown', async (t) => {
    const hosts = createHosts()
    const gateway = await startHttpGateway(t, optionsOf(hosts))
    const { prod } = hosts
    const query = 'environment=prod&kind=pod&state=running&limit=2'
    const first = await list(gateway, query)
    assert.deepEqual(refs(first), ['prod/payments/pod/api-1', 'prod/payments/pod/api-2'])
    prod.targets = [
      describeClusterTarget('prod', 'payments/pod/api-0'),
      describeClusterTarget('prod', 'payments/pod/api-3'),
      ...prod.targets.filter(({ name }) => name !== 'api-2'),
    ]
    const second = await list(gateway, `${query}&cursor=${first.next}`)
    assert.deepEqual(refs(second), ['prod/payments/pod/api-3', 'prod/shop/pod/alone-1'])
    const third = await list(gateway, `${query}&cursor=${second.next}`)
    assert.deepEqual([refs(third), third.next], [['prod/vault/pod/vault-1'], undefined])
  })

  it('show what changed at once, though what may be seen is remembered', async (t) => {
    const hosts = createHosts()
    const gateway = await startHttpGateway(t, optionsOf(hosts))
    const { prod } = hosts
    const before = await list(gateway, 'kind=pod', 'payer', {})
    assert.deepEqual(refs(before), ['prod/payments/pod/api-1', 'prod/payments/pod/api-2'])
    // The same pod, now part of what the caller may not see.
    prod.targets = prod.targets.map((target) =>
      target.name === 'api-1'
        ? describeClusterTarget('prod', 'payments/pod/api-1', { above: ['deployment/worker'] })
        : target,
    )
    assert.deepEqual(refs(await list(gateway, 'kind=pod', 'payer', {})), ['prod/payments/pod/api-2'])
  })
})

describe('an environment that lacks something', () => {
  it('is shown with what is missing, and one that does not answer beside it', async (t) => {
    const hosts = createHosts()
    const gateway = await startHttpGateway(t, optionsOf(hosts))
    const { prod, stage } = hosts
    const lacks = ['It may not list jobs.', 'What is shown may be out of date.']
    prod.faults.lacks = lacks
    stage.faults.away = new HatchwayError('backend_unavailable', 'It is down.')
    const { problems, total } = await list(gateway, '')
    assert.deepEqual(problems, [
      { environment: 'prod', detail: lacks.join('\n'), partial: true },
      { environment: 'stage', detail: 'It is down.' },
    ])
    assert.equal(total, 7)
    const token = await gateway.issuer.token('root', admin)
    const answer = await gateway.call('/api/v1/environments', token)
    const { items } = (await answer.json()) as { items: Environment[] }
    assert.deepEqual(
      items.map(({ id, notices }) => [id, notices]),
      environments.map((id) => [id, id === 'prod' ? lacks : undefined]),
    )
  })
})

describe('one target in a cluster', () => {
  const shared = sharedHttpGateway(optionsOf())

  async function problem(path: string, subject: string, rights: object = {}) {
    const token = await shared().issuer.token(subject, rights)
    const answer = await shared().call(`/api/v1/targets/${path}`, token)
    const { status, code, detail } = (await answer.json()) as { status: number; code: string; detail: string }
    return { status, code, detail: detail.replace(JSON.stringify(path), 'IT') }
  }

  it('answers alike for what is not there and for what the caller may not know of', async () => {
    const hidden = [
      'prod/payments/deployment/worker',
      'prod/payments/pod/worker-1',
      'prod/payments/pod/worker-1/app',
      'prod/payments/pod/worker-1/none',
      'prod/payments/pod/worker-1?pick=crashing',
      'prod/vault/pod/vault-1',
    ]
    const missing = [
      'prod/payments/deployment/none',
      'prod/nowhere/pod/none',
      'prod/nowhere/pod/none/app',
      'none/payments/pod/worker-1',
      'local/payments/pod/worker-1',
      'prod/worker-1',
    ]
    const words = await problem('prod/payments/deployment/none', 'payer')
    assert.deepEqual([words.status, words.code], [404, 'target_not_found'])
    for (const path of [...hidden, ...missing]) {
      const [ref = ''] = path.split('?')
      const said = await problem(path, 'payer')
      assert.deepEqual({ ...said, detail: said.detail.replace(JSON.stringify(ref), 'IT') }, words, path)
    }
  })

  it('says what containers there are to whom may see the pod', async () => {
    const { code, detail } = await problem('prod/payments/pod/api-1/none', 'payer')
    assert.deepEqual([code, detail], ['target_not_found', 'no none, only app says the cluster'])
  })

  it('names the workloads that a pod is part of, as far as the caller may know of them', async () => {
    const workloads = async (path: string, subject: string, rights: object) => {
      const token = await shared().issuer.token(subject, rights)
      const answer = await shared().call(`/api/v1/targets/${path}`, token)
      assert.equal(answer.status, 200)
      return ((await answer.json()) as TargetDetail).workloads
    }
    const api = 'prod/payments/pod/api-1'
    assert.deepEqual(await workloads(api, 'root', admin), ['replicaset/api-5f', 'deployment/api'])
    assert.deepEqual(await workloads(api, 'picky', {}), ['deployment/api'])
    assert.deepEqual(await workloads('prod/shop/pod/alone-1', 'root', admin), [])
    assert.deepEqual(await workloads('prod/payments/deployment/api', 'root', admin), [])
    assert.equal(await workloads('local/web-1', 'root', admin), undefined)
  })

  it('shows of a choice only the pods that the caller may know of', async (t) => {
    const hosts = createHosts()
    const gateway = await startHttpGateway(t, optionsOf(hosts))
    const { prod } = hosts
    const [api] = prod.targets
    assert.ok(api?.cluster)
    const choice = (name: string) => ({
      name,
      state: 'running' as const,
      status: 'Running',
      ready: true,
      restarts: 0,
      createdAt: new Date(0),
    })
    const explanation = 'The newest of 2 pods that are ready, of 2.'
    const cluster = {
      ...api.cluster,
      names: ['deployment/api', 'pod/api-1', 'replicaset/api-5f'],
      pod: 'api-1',
      choice: { explanation, pods: [choice('api-1'), choice('api-2')] },
    }
    prod.targets = [{ ...api, cluster }]
    const names = async (subject: string, rights: object) => {
      const token = await gateway.issuer.token(subject, rights)
      const answer = await gateway.call('/api/v1/targets/prod/payments/deployment/api', token)
      return ((await answer.json()) as TargetDetail).choice?.pods.map(({ name }) => name)
    }
    assert.deepEqual(await names('root', admin), ['api-1', 'api-2'])
    assert.deepEqual(await names('picky', {}), ['api-1'])
  })
})
