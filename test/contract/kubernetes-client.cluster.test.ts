import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { V1Pod } from '@kubernetes/client-node'
import { parse } from 'yaml'
import { attachTty } from '../../server/drivers/kubernetes/debug/attach.ts'
import { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import { resourcePath } from '../../server/drivers/kubernetes/api/paths.ts'
import type { ClusterSource } from '../../server/drivers/kubernetes/api/config.ts'
import { refusalOf } from '../../server/drivers/kubernetes/api/errors.ts'
import { watchResource } from '../../server/drivers/kubernetes/api/watch.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { testCluster, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'

const signal = (ms = 20_000) => AbortSignal.timeout(ms)
const rbac = '/apis/rbac.authorization.k8s.io/v1'

describe('the API server of a real cluster', () => {
  let cluster: TestCluster
  let namespace: TestNamespace
  let directory: string
  let server: string
  let pod: string
  const clients: KubernetesClient[] = []
  const cleanups: string[] = []

  const connect = (source: ClusterSource, impersonate = false) => {
    const client = new KubernetesClient({ environment: 'test', source, impersonate })
    clients.push(client)
    return client
  }
  /** As a pod of that account would connect. */
  const accountOf = async (name: string, rules: Parameters<TestNamespace['createAccount']>[1]) => {
    const own = await mkdtemp(join(directory, 'account-'))
    await copyFile(join(directory, 'ca.crt'), join(own, 'ca.crt'))
    await writeFile(join(own, 'token'), await namespace.createAccount(name, rules))
    return { kind: 'service-account', server, directory: own } as const
  }
  const readPod = (name = pod) => ({
    method: 'GET' as const,
    path: resourcePath('/api/v1', namespace.name, 'pods', name),
    doing: 'read the pod',
    signal: signal(),
  })
  const rule = (resources: string[], verbs: string[]) => ({ apiGroups: [''], resources, verbs })
  const failure = async (work: Promise<unknown>) => {
    const cause = await work.then(
      () => new Error('it was not refused'),
      (cause: unknown) => cause,
    )
    return cause as Error & { code?: string }
  }

  before(async () => {
    cluster = await testCluster()
    directory = await mkdtemp(join(tmpdir(), 'hatchway-client-'))
    const config = parse(await readFile(cluster.kubeconfig, 'utf8')) as {
      clusters: {
        cluster: { server: string; 'certificate-authority-data'?: string; 'certificate-authority'?: string }
      }[]
    }
    const { cluster: found } = config.clusters[0] ?? assert.fail('a kubeconfig names its cluster')
    server = found.server
    const data = found['certificate-authority-data']
    const ca =
      data === undefined ? await readFile(found['certificate-authority'] ?? '') : Buffer.from(data, 'base64')
    await writeFile(join(directory, 'ca.crt'), ca)
    namespace = await TestNamespace.create(cluster)
    pod = (await namespace.createPod()).metadata?.name ?? ''
  })
  after(async () => {
    for (const client of clients) client.close()
    for (const path of cleanups) await cluster.api.delete(path)
    await namespace.close()
    cluster.api.close()
    await rm(directory, { recursive: true })
  })

  it('tells its version to a kubeconfig', async () => {
    const client = connect({ kind: 'kubeconfig', paths: [cluster.kubeconfig] })
    const { major, minor, gitVersion } = await client.version(signal())
    assert.ok(major === 1 && minor >= 29, gitVersion)
  })

  it('takes the token of a service account, and a rotated one', async () => {
    const source = await accountOf('rotated', [rule(['pods'], ['get'])])
    const token = await readFile(join(source.directory, 'token'), 'utf8')
    await writeFile(join(source.directory, 'token'), 'old')
    const client = connect(source)
    const refused = await failure(client.json(readPod()))
    assert.equal(refused.code, 'backend_unavailable')
    assert.match(refused.message, /credentials \(401\)/)
    await writeFile(join(source.directory, 'token'), `${token}\n`)
    assert.equal((await client.json<V1Pod>(readPod())).metadata?.name, pod)
  })

  it('finds nothing by a name that is none, and no other resource either', async () => {
    const client = connect({ kind: 'kubeconfig', paths: [cluster.kubeconfig] })
    for (const name of ['x?watch=true', 'x#y', 'ü', 'a b', 'a\\b', ';', 'web:exec'])
      assert.equal((await failure(client.json(readPod(name)))).code, 'not_found', name)
    await assert.rejects(async () => await client.json(readPod('web/exec')), { code: 'invalid_request' })
  })

  it('names the right that is missing', async () => {
    const client = connect(await accountOf('reader', [rule(['pods'], ['get'])]))
    await client.json(readPod())
    const refused = await failure(client.json({ ...readPod(), method: 'DELETE' }))
    assert.equal(refused.code, 'backend_forbidden')
    assert.match(
      refused.message,
      /serviceaccount:\S+:reader \(the gateway's account\) delete pods in the namespace hatchway-test-/,
    )
  })

  it('names the right to attach that is missing, also the one that the server does not name', async () => {
    const place = { namespace: namespace.name, pod, container: 'app' }
    const attach = async (name: string, verbs: string[]) => {
      const client = connect(await accountOf(name, [rule(['pods/attach'], verbs)]))
      return await failure(attachTty(client, place, undefined, signal()))
    }
    const without = await attach('no-attach', ['create'])
    assert.deepEqual(
      [without.code, /get pods\/attach/.test(without.message)],
      ['backend_forbidden', true],
      without.message,
    )
    const half = await attach('half-attach', ['get'])
    assert.equal(half.code, 'backend_forbidden')
    assert.match(half.message, /create on pods\/attach/)
  })

  it('acts for a person and their groups: the cluster decides, and its audit log names them', async () => {
    const name = `${namespace.name}-impersonator`
    await cluster.api.create(`${rbac}/clusterroles`, {
      metadata: { name },
      rules: [rule(['users', 'groups'], ['impersonate'])],
    })
    await cluster.api.create(`${rbac}/clusterrolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: 'gateway', namespace: namespace.name }],
    })
    cleanups.push(`${rbac}/clusterrolebindings/${name}`, `${rbac}/clusterroles/${name}`)
    await cluster.api.create(namespace.path('rbac.authorization.k8s.io/roles'), {
      metadata: { name: 'people' },
      rules: [rule(['pods'], ['get']), rule(['pods/attach'], ['get', 'create'])],
    })
    await cluster.api.create(namespace.path('rbac.authorization.k8s.io/rolebindings'), {
      metadata: { name: 'people' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'people' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'on call' }],
    })
    const client = connect(await accountOf('gateway', []), true)
    const jane = { subject: 'jürgen@example.com', groups: ['dev', 'on call'] }
    await eventually(() => client.json({ ...readPod(), actor: jane }), { what: 'RBAC to know the role' })
    const bob = await failure(client.json({ ...readPod(), actor: { subject: 'bob', groups: ['dev'] } }))
    assert.equal(bob.code, 'backend_forbidden')
    assert.match(bob.message, /does not let bob \(that is you\) get pods/)
    const itself = await failure(client.json(readPod()))
    assert.match(itself.message, /gateway \(the gateway's account\) get pods/)
    const place = { namespace: namespace.name, pod, container: 'nope' }
    const terminal = await failure(attachTty(client, { ...place, actor: jane }, undefined, signal()))
    assert.equal(
      refusalOf(terminal)?.status,
      400,
      `only after RBAC is the container looked for: ${terminal.message}`,
    )
    const noTerminal = await failure(
      attachTty(client, { ...place, actor: { ...jane, groups: [] } }, undefined, signal()),
    )
    assert.equal(noTerminal.code, 'backend_forbidden')
    const { node } = cluster
    if (node === undefined) return
    await eventually(
      async () => {
        const events = (await readFile(node.auditLog, 'utf8'))
          .split('\n')
          .filter((line) => line.includes(namespace.name))
        const seen = events
          .map((line) => JSON.parse(line) as AuditEvent)
          .find(
            ({ objectRef, impersonatedUser }) =>
              objectRef?.subresource === 'attach' && impersonatedUser?.groups?.includes('dev'),
          )
        assert.equal(seen?.user.username, `system:serviceaccount:${namespace.name}:gateway`)
        assert.equal(seen.impersonatedUser?.username, jane.subject)
        assert.deepEqual(seen.impersonatedUser?.groups?.toSorted(), [
          'dev',
          'on call',
          'system:authenticated',
        ])
        return true
      },
      { what: 'the audit log to name the person' },
    )
  })

  it('is followed: what comes, changes and goes', async () => {
    const client = connect({ kind: 'kubeconfig', paths: [cluster.kubeconfig] })
    const resource = {
      group: '/api/v1',
      plural: 'configmaps',
      namespace: namespace.name,
      labelSelector: 'watched=yes',
    }
    const watched = watchResource<{ metadata: { name: string }; data?: Record<string, string> }, string>(
      client,
      resource,
      ({ metadata, data }) => `${metadata.name}=${data?.['x'] ?? ''}`,
    )
    const told: string[] = []
    watched.onChange((kind, item) => told.push(`${kind} ${item}`))
    await watched.ready(signal())
    const labels = { watched: 'yes' }
    await cluster.api.create(namespace.path('configmaps'), {
      metadata: { name: 'one', labels },
      data: { x: '1' },
    })
    await cluster.api.create(namespace.path('configmaps'), { metadata: { name: 'other' } })
    await cluster.api.patch(namespace.path('configmaps', 'one'), { data: { x: '2' } })
    await cluster.api.delete(namespace.path('configmaps', 'one'))
    await eventually(() => told.length >= 3, { what: 'three changes' })
    assert.deepEqual(told, ['added one=1', 'changed one=2', 'gone one=2'])
    assert.equal(watched.items.size, 0)
    watched.close()
  })

  it('says that a version is too old, which a watch answers by listing again', async () => {
    const client = connect({ kind: 'kubeconfig', paths: [cluster.kubeconfig] })
    const lines = client.lines({
      method: 'GET',
      path: resourcePath('/api/v1', namespace.name, 'pods'),
      query: { watch: 'true', resourceVersion: '1', timeoutSeconds: '5' },
      doing: 'watch pods',
      signal: signal(),
    })
    const first: string[] = []
    await (async () => {
      for await (const line of lines) {
        first.push(line)
        break
      }
    })().catch((cause: unknown) => first.push(JSON.stringify({ object: { code: refusalOf(cause)?.status } })))
    assert.equal((JSON.parse(first[0] ?? '{}') as { object?: { code?: number } }).object?.code, 410)
  })
})

interface AuditEvent {
  user: { username: string }
  impersonatedUser?: { username: string; groups?: string[] }
  objectRef?: { subresource?: string }
}
