import type { Actor, TargetAccess, TargetDriver } from '../../server/core/driver.ts'
import { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import { KubernetesTargets } from '../../server/drivers/kubernetes/catalog/targets.ts'
import type { TargetList } from '../../server/protocol/target-api.ts'
import { testCluster, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { startHttpGateway, type HttpGateway } from '../support/http-gateway.ts'
import { simulatePods, type SimulatedState } from '../support/simulated-pods.ts'
import type { Report } from './report.ts'
import { digits, percentile } from './statistics.ts'

const rounds = 20
const states: readonly SimulatedState[] = ['running', 'running', 'running', 'crashing', 'finished', 'unready']

/** A cluster with many pods, in the real API server: what a list through the HTTP API costs. */
export async function benchClusterTargets(report: Report, pods: number): Promise<void> {
  report.section('Targets', `${pods} pods in 20 namespaces of a real API server, listed over HTTP`)
  const cluster = await testCluster()
  const simulation = await simulatePods(cluster, {
    pods,
    namespaces: 20,
    deployments: true,
    state: (index) => states[index % states.length] ?? 'running',
  })
  try {
    await benchList(report, cluster, simulation.namespaces[0] ?? '')
  } finally {
    await simulation.close()
    cluster.api.close()
  }
}

async function benchList(report: Report, cluster: TestCluster, namespace: string): Promise<void> {
  const before = process.memoryUsage().rss
  const cpu = process.cpuUsage()
  const started = performance.now()
  const source = { kind: 'kubeconfig' as const, paths: [cluster.kubeconfig] }
  const client = new KubernetesClient({ environment: 'prod', source, impersonate: false })
  const targets = new KubernetesTargets(client)
  const cleanups: (() => unknown)[] = []
  try {
    const nobody: Actor = { subject: 'bench', groups: [] }
    await targets.list({}, nobody, AbortSignal.timeout(120_000))
    report.line({
      what: 'first list',
      lane: 'from the API server',
      figures: {
        ms: digits(performance.now() - started),
        'CPU ms': digits(process.cpuUsage(cpu).user / 1000),
      },
    })
    const drivers = new Map([['prod', asDriver(targets)]])
    const gateway = await startHttpGateway(
      { after: (fn) => cleanups.unshift(fn) },
      { change: () => ({ drivers }) },
    )
    const queries = {
      'first page': '',
      'pods, 200': 'kind=pod',
      'pods, 1,000': 'kind=pod&limit=1000',
      search: 'q=app-0042',
      selector: 'kind=pod&selector=app in (app-0001,app-0042),tier',
      failing: 'state=restarting',
    }
    for (const [lane, query] of Object.entries(queries)) await benchQuery(report, gateway, lane, query)
    await benchChange(report, gateway, cluster, namespace)
    const grown = (process.memoryUsage().rss - before) / 1e6
    report.line({ what: 'memory', lane: 'after all of it', figures: { 'RSS growth MB': digits(grown) } })
  } finally {
    for (const clean of cleanups) await clean()
    targets.close()
    client.close()
  }
}

async function benchQuery(report: Report, gateway: HttpGateway, lane: string, query: string): Promise<void> {
  const times: number[] = []
  let found = { total: 0, items: 0, bytes: 0 }
  for (let round = 0; round < rounds; round++) {
    const token = await gateway.issuer.token('bench')
    const sent = performance.now()
    const text = await (await gateway.call(`/api/v1/targets?${encodeURI(query)}`, token)).text()
    times.push(performance.now() - sent)
    const { total, items } = JSON.parse(text) as TargetList
    found = { total, items: items.length, bytes: text.length }
  }
  const figures = {
    first: digits(times[0] ?? 0),
    p50: digits(percentile(times, 0.5)),
    max: digits(Math.max(...times)),
    KB: digits(found.bytes / 1000),
    rows: `${found.items}/${found.total}`,
  }
  report.line({ what: 'list, ms', lane, figures })
}

/** From the answer to a change of a pod to the list that shows it. */
async function benchChange(
  report: Report,
  gateway: HttpGateway,
  { api }: TestCluster,
  namespace: string,
): Promise<void> {
  const token = await gateway.issuer.token('bench')
  const pods = `/api/v1/namespaces/${namespace}/pods`
  const { items } = await api.get<{ items: { metadata: { name: string } }[] }>(`${pods}?limit=${rounds}`)
  const times: number[] = []
  for (const [round, { metadata }] of items.entries()) {
    const mark = `round-${round}`
    await api.patch(`${pods}/${metadata.name}`, { metadata: { labels: { mark } } }, 'merge')
    const changed = performance.now()
    await eventually(
      async () => {
        const query = `kind=pod&selector=mark%3D${mark}`
        const answer = await gateway.call(`/api/v1/targets?${query}`, token)
        return ((await answer.json()) as TargetList).total > 0
      },
      { what: 'the change in the list' },
    )
    times.push(performance.now() - changed)
  }
  const figures = { p50: digits(percentile(times, 0.5)), max: digits(Math.max(...times)) }
  report.line({ what: 'change to list, ms', lane: `${items.length} pods`, figures })
}

/** Enough of a driver to list. */
function asDriver(targets: KubernetesTargets): TargetDriver {
  const unused = () => Promise.reject(new Error('the benchmark only lists'))
  const as = (actor: Actor): TargetAccess => ({
    list: (query, signal) => targets.list(query, actor, signal),
    find: (ref, lookup, signal) => targets.find(ref, lookup, actor, signal),
    identify: unused,
    open: unused,
    run: unused,
    reattach: unused,
  })
  return {
    environment: 'prod',
    kind: 'kubernetes',
    capabilities: { copies: true },
    as,
    problems: () => targets.problems(),
    check: unused,
    stop: unused,
    listOwned: unused,
    close: () => {},
  }
}
