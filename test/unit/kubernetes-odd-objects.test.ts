import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import type { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import { readIdentityFacts } from '../../server/drivers/kubernetes/catalog/identity-facts.ts'
import { readWholePod } from '../../server/drivers/kubernetes/debug/open.ts'
import { KubernetesTargets } from '../../server/drivers/kubernetes/catalog/targets.ts'
import { withoutNulls } from '../../server/drivers/shared/read-json.ts'
import {
  clientFor,
  startApiServerDouble,
  writeKubeconfig,
  type ApiServerDouble,
} from '../support/api-server-double.ts'
import { makeCertificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'

// By what an object is told apart from all others.
const nameless = ['metadata', 'metadata.name', 'metadata.uid']
const signal = AbortSignal.timeout(120_000)
const actor = { subject: 'jane', groups: [] }
let version = 1

const pod = (name: string) => ({
  metadata: {
    name,
    namespace: 'shop',
    uid: `uid-${name}`,
    resourceVersion: String(version++),
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { app: 'web' },
    annotations: { a: 'b' },
    ownerReferences: [{ kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true }],
  },
  spec: {
    nodeName: 'node',
    restartPolicy: 'Always',
    securityContext: { runAsUser: 1, supplementalGroups: [2] },
    initContainers: [{ name: 'init', image: 'init:1' }],
    containers: [
      {
        name: 'app',
        image: 'app:1',
        ports: [{ containerPort: 80 }],
        env: [],
        securityContext: { capabilities: { add: ['NET_RAW'] } },
      },
    ],
    ephemeralContainers: [
      {
        name: 'hatchway-s1',
        image: 'tools:1',
        targetContainerName: 'app',
        env: [{ name: 'HATCHWAY_SESSION', value: 's1' }],
      },
    ],
    readinessGates: [],
  },
  status: {
    phase: 'Running',
    startTime: '2026-01-01T00:00:00Z',
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: [
      {
        name: 'app',
        ready: true,
        restartCount: 0,
        image: 'app:1',
        imageID: 'x',
        state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
        lastState: {},
        user: { linux: { uid: 1, gid: 1 } },
      },
    ],
    initContainerStatuses: [
      {
        name: 'init',
        ready: true,
        restartCount: 0,
        image: 'init:1',
        imageID: 'x',
        state: { terminated: { exitCode: 0 } },
      },
    ],
    ephemeralContainerStatuses: [
      {
        name: 'hatchway-s1',
        ready: false,
        restartCount: 0,
        image: 'tools:1',
        imageID: 'x',
        state: { waiting: { reason: 'ContainerCreating' } },
      },
    ],
  },
})

const deployment = (name: string) => ({
  metadata: {
    name,
    namespace: 'shop',
    uid: `uid-${name}`,
    resourceVersion: String(version++),
    labels: {},
    ownerReferences: [],
  },
  spec: {
    replicas: 1,
    suspend: false,
    template: { metadata: { labels: {} }, spec: { containers: [{ name: 'app', image: 'app:1' }] } },
  },
  status: {
    conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'quota' }],
    desiredNumberScheduled: 1,
  },
})

/** The object once for each place in it, with this value there. */
function* withEach(object: unknown, value: unknown): Generator<[string, unknown]> {
  for (const path of pathsOf(object)) {
    const copy = structuredClone(object)
    let at = copy as Record<string, unknown>
    for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>
    at[path.at(-1) ?? ''] = value
    yield [path.join('.'), copy]
  }
}

function* pathsOf(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (path.length > 0) yield path
  if (typeof value === 'object' && value !== null)
    for (const [key, part] of Object.entries(value)) yield* pathsOf(part, [...path, key])
}

describe('a cluster whose objects are odd', () => {
  let directory: string
  let server: ApiServerDouble
  let client: KubernetesClient
  /** By resource. */
  let items: Record<string, unknown>
  let watches: Map<string, ServerResponse>

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-odd-'))
    const certificates = await makeCertificates(directory, 'cluster')
    server = await startApiServerDouble(certificates)
    const ca = Buffer.from(certificates.ca).toString('base64')
    const cluster = { server: server.url, 'certificate-authority-data': ca }
    const path = await writeKubeconfig(directory, 'kubeconfig', cluster, { token: 'secret' })
    client = clientFor({ kind: 'kubeconfig', paths: [path] })
    server.answer = (request, response) => {
      const url = new URL(request.url ?? '', server.url)
      const plural = url.pathname.split('/').at(-1) ?? ''
      if (url.searchParams.has('watch')) {
        watches.set(plural, response)
        response.flushHeaders()
      } else
        response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: items[plural] ?? null }))
    }
  })
  after(async () => {
    client.close()
    await server.close()
    await rm(directory, { recursive: true, force: true })
  })

  /** What is listed of these objects, and what is said of those that are not. */
  async function listed(given: Record<string, unknown>): Promise<{ names: string[]; problems: string }> {
    items = given
    watches = new Map()
    const targets = new KubernetesTargets(client)
    try {
      const list = await targets.list({}, actor, signal)
      return { names: list.map(({ name }) => name), problems: targets.problems().join(' ') }
    } finally {
      targets.close()
    }
  }

  for (const value of [null, undefined, 7, 'text', [null], {}]) {
    it(`shows all others where any part of a pod or a workload is ${JSON.stringify(value)}`, async () => {
      const odd = [...withEach(pod('odd'), value)].map(([path, object], at) => unique(object, path, at))
      const oddSets = [...withEach(deployment('odd'), value)].map(([path, object], at) =>
        unique(object, path, at),
      )
      const { names } = await listed({
        pods: [pod('good'), ...odd, value, pod('last')],
        deployments: [deployment('good-set'), ...oddSets, value, deployment('last-set')],
        jobs: oddSets,
        daemonsets: oddSets,
      })
      for (const name of ['good', 'last', 'good-set', 'last-set']) assert.ok(names.includes(name), name)
    })
  }

  it('shows a pod of which any part is null, but for its name and its uid', async () => {
    const odd = [...withEach(pod('odd'), null)].map(([path, object], at) => unique(object, path, at))
    const { names, problems } = await listed({ pods: odd })
    assert.ok(names.length >= odd.length - nameless.length, `${names.length} of ${odd.length}`)
    assert.match(problems, /objects are left out: what the cluster says of them can't be read/)
  })

  it('takes no list for an empty one, and goes on after odd events', async () => {
    items = { pods: [pod('good')] }
    watches = new Map()
    const targets = new KubernetesTargets(client)
    const names = async () =>
      (await targets.list({}, actor, signal))
        .map(({ name }) => name)
        .toSorted()
        .join()
    assert.equal(await names(), 'good')
    const stream = await eventually(() => watches.get('pods') ?? false, { what: 'a watch' })
    for (const event of [
      null,
      7,
      {},
      { type: null, object: null },
      { type: 'ADDED' },
      { type: 'MODIFIED', object: { metadata: null } },
      { type: 'DELETED', object: null },
    ])
      stream.write(`${JSON.stringify(event)}\n`)
    stream.write(`${JSON.stringify({ type: 'ADDED', object: pod('new') })}\n`)
    await eventually(async () => (await names()) === 'good,new', { what: 'the pod after the odd events' })
    targets.close()
  })

  it('refuses in words, or reads, one pod of which any part is null', async () => {
    for (const [path, object] of withEach(pod('odd'), null)) {
      server.answer = (_request, response) => response.end(JSON.stringify(object))
      const read = async () => {
        const place = { namespace: 'shop', pod: 'odd', actor }
        return readIdentityFacts(await readWholePod(client, place, signal), 'app')
      }
      const failure = await read().then(
        () => undefined,
        (cause: unknown) => cause,
      )
      assert.ok(failure === undefined || failure instanceof HatchwayError, path)
    }
  })

  it('reads nulls as what is not there, however deep', () => {
    assert.deepEqual(withoutNulls({ a: null, b: [null, { c: null, d: [1, null] }], e: 'x' }), {
      b: [{ d: [1] }],
      e: 'x',
    })
    assert.equal(withoutNulls(null), undefined)
  })
})

/** Another object than all others, unless the odd part is what makes it one. */
function unique(object: unknown, path: string, at: number): unknown {
  const { metadata } = object as { metadata?: Record<string, unknown> }
  if (nameless.includes(path)) return object
  return { ...(object as object), metadata: { ...metadata, uid: `uid-${at}`, name: `odd-${at}` } }
}
