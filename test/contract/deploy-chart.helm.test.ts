import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { chart, helm, type Manifest, manifestsOf, renderChart } from '../support/helm.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const hatchway = (...args: string[]) => run(process.execPath, [join(root, 'server/main.ts'), ...args])

const issuer = {
  issuer: 'https://idp.example.com',
  audience: 'hatchway',
  jwksUri: 'https://idp.example.com/jwks',
}
const provider = {
  issuer: 'https://idp.example.com',
  clientId: 'hatchway',
  clientSecret: { env: 'OIDC_SECRET' },
}
const rule = {
  name: 'engineers',
  who: { groups: ['engineering'] },
  actions: ['list', 'open'],
  effect: 'allow',
}
/** Everything that can be switched on. */
const everything = {
  publicUrl: 'https://hatchway.example.com',
  cluster: {
    namespaces: ['payments', 'shop'],
    debugCopies: true,
    execFallback: true,
    impersonate: { enabled: true, groups: ['engineering'] },
  },
  environments: [{ id: 'eu', kind: 'kubernetes', kubeconfig: '/etc/hatchway-secrets/kubeconfigs/eu' }],
  config: { auth: { issuers: [issuer], oidc: provider }, metrics: { token: { env: 'METRICS_TOKEN' } } },
  policy: { rules: [rule] },
  secretEnv: [
    { name: 'METRICS_TOKEN', secret: 'hatchway', key: 'metrics' },
    { name: 'OIDC_SECRET', secret: 'hatchway-oidc', key: 'clientSecret' },
  ],
  secretFiles: ['kubeconfigs'],
  ingress: { enabled: true, tlsSecret: 'hatchway-tls' },
  networkPolicy: { from: [{ namespaceSelector: { matchLabels: { name: 'ingress' } } }] },
}

const kinds = (manifests: readonly Manifest[]) => manifests.map(({ kind }) => kind).toSorted()
const only = (manifests: readonly Manifest[], kind: string, name?: string) => {
  const found = manifests.filter(
    (each) => each.kind === kind && (name ?? each.metadata.name) === each.metadata.name,
  )
  assert.equal(found.length, 1, `${kind} ${name ?? ''}: there are ${found.length}`)
  return found[0] as Manifest
}
/** The file that the gateway reads. */
const fileOf = (manifests: readonly Manifest[], name: 'hatchway.yaml' | 'policy.yaml') => {
  const holder = only(manifests, 'ConfigMap', name === 'policy.yaml' ? 'hatchway-policy' : 'hatchway-config')
  return (holder['data'] as Record<string, string>)[name] ?? ''
}

async function written(context: TestContext, name: string, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-chart-'))
  context.after(() => rm(directory, { recursive: true }))
  const path = join(directory, name)
  await writeFile(path, text)
  return path
}

describe('the chart', () => {
  it('passes `helm lint --strict`, and has the version of the gateway', async () => {
    await helm('lint', '--strict', '--quiet', chart)
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    const { appVersion } = parse(await readFile(join(chart, 'Chart.yaml'), 'utf8')) as { appVersion: string }
    assert.equal(appVersion, version)
  })

  it('makes what a gateway needs, and nothing else', async () => {
    const usual = [
      'ClusterRole', 'ClusterRoleBinding', 'ConfigMap', 'ConfigMap', 'Deployment', 'NetworkPolicy',
      'PersistentVolumeClaim', 'Service', 'ServiceAccount',
    ] // prettier-ignore
    assert.deepEqual(kinds(await renderChart()), usual)
    const more = ['Ingress', 'Role', 'Role', 'RoleBinding', 'RoleBinding']
    assert.deepEqual(kinds(await renderChart(everything)), [...usual, ...more].toSorted())
  })

  it('needs no role of the whole cluster when it serves some namespaces', async () => {
    const manifests = await renderChart({ cluster: { namespaces: ['payments'] } })
    assert.ok(!kinds(manifests).includes('ClusterRole'))
    assert.deepEqual(parse(fileOf(manifests, 'hatchway.yaml')).environments, [
      { id: 'cluster', kind: 'kubernetes', namespaces: ['payments'] },
    ])
  })

  it('starts the gateway anew for another configuration, and not for another policy', async () => {
    const stamp = async (values: object) => {
      const { template } = only(await renderChart(values), 'Deployment')['spec'] as { template: Manifest }
      return template.metadata.annotations?.['hatchway/config']
    }
    const usual = await stamp({})
    assert.match(usual ?? '', /^[0-9a-f]{64}$/)
    assert.notEqual(await stamp({ publicUrl: 'http://localhost:9090' }), usual)
    assert.equal(await stamp({ policy: { rules: [rule] } }), usual)
  })
})

/** Of another cluster, as the secret has it. */
const elsewhere = `
apiVersion: v1
kind: Config
current-context: eu
clusters: [{name: eu, cluster: {server: 'https://eu.example.com'}}]
users: [{name: eu, user: {token: x}}]
contexts: [{name: eu, context: {cluster: eu, user: eu}}]
`

describe('the configuration of the chart', () => {
  for (const [what, values] of [
    ['usual', {}],
    ['whole', everything],
  ] as const) {
    it(`has no problem when it is the ${what} one`, async (context) => {
      const manifests = await renderChart(values)
      const kubeconfig = await written(context, 'eu', elsewhere)
      const text = fileOf(manifests, 'hatchway.yaml')
      const here = text.replace('/etc/hatchway-secrets/kubeconfigs/eu', kubeconfig)
      const path = await written(context, 'hatchway.yaml', here)
      await writeFile(join(dirname(path), 'policy.yaml'), fileOf(manifests, 'policy.yaml'))
      // What a pod has.
      const env = {
        ...process.env,
        KUBERNETES_SERVICE_HOST: '10.98.0.1',
        METRICS_TOKEN: 'x'.repeat(32),
        OIDC_SECRET: 'x',
      }
      await run(process.execPath, [join(root, 'server/main.ts'), 'config', 'check', path], { env })
    })
  }
})

describe('the policy of the chart', () => {
  it('has no problem, and keeps the gateway itself from being debugged', async (context) => {
    const path = await written(context, 'policy.yaml', fileOf(await renderChart(everything), 'policy.yaml'))
    await hatchway('policy', 'check', path)
    const ask = (...label: string[]) =>
      hatchway(
        'policy',
        'explain',
        path,
        '--user',
        'eve',
        '--group',
        'engineering',
        '--target',
        'cluster/a/pod/b',
        ...label,
      )
    assert.match((await ask()).stdout, /allow/)
    const refused = await ask('--label', 'app.kubernetes.io/name=hatchway').catch((cause: unknown) => cause)
    assert.match((refused as { stdout: string }).stdout, /the gateway itself is not a target/)
    const { template } = only(await renderChart(), 'Deployment')['spec'] as { template: Manifest }
    assert.equal(template.metadata.labels?.['app.kubernetes.io/name'], 'hatchway')
  })

  it('tells of the link in the log where there is one', async () => {
    const cases: [object, boolean][] = [
      [{}, true],
      [{ issuers: [issuer] }, false],
      [{ oidc: provider }, false],
      [{ issuers: [issuer], localTokens: true }, true],
    ]
    for (const [auth, told] of cases) {
      const set = ['--set-json', `config.auth=${JSON.stringify(auth)}`]
      const rules = ['--set-json', `policy.rules=${JSON.stringify([rule])}`]
      const shown = await helm('install', 'hatchway', chart, '--dry-run=client', ...set, ...rules)
      assert.equal(shown.includes('Sign in once'), told, JSON.stringify(auth))
    }
  })

  it('lets in whoever has the link of the log only while there is no issuer and no provider', async () => {
    assert.match(fileOf(await renderChart(), 'policy.yaml'), /- local\n/)
    assert.doesNotMatch(fileOf(await renderChart(everything), 'policy.yaml'), /local/)
    for (const auth of [{ issuers: [issuer] }, { oidc: provider }])
      await assert.rejects(renderChart({ config: { auth } }), /say in policy.rules what they may do/)
  })
})

describe('values that are refused before anything is changed', () => {
  const bad: [string, object, RegExp][] = [
    ['an unknown key', { imagee: {} }, /'imagee' not allowed/],
    ['an unknown key further in', { cluster: { namespace: 'a' } }, /'namespace' not allowed/],
    ['an address without TLS', { publicUrl: 'http://hatchway.example.com' }, /publicUrl/],
    ['an ingress to loopback', { ingress: { enabled: true } }, /publicUrl/],
    ['an ingress that the network policy shuts out', { publicUrl: 'https://a.example.com', ingress: { enabled: true } }, /networkPolicy.from/],
    ['impersonation of just any group', { cluster: { impersonate: { enabled: true } } }, /impersonate\/groups/],
    ['a secret in the values', { config: { auth: { issuers: [{ ...issuer, secret: 'hunter2' }] } } }, /issuers\/0\/secret/],
    ['the secret of the provider\'s client', { config: { auth: { oidc: { ...provider, clientSecret: 'hunter2' } } } }, /oidc\/clientSecret/],
    ['the password of a registry', { config: { toolboxes: [{ name: 'a', image: 'b', registryAuth: { password: 'hunter2' } }] } }, /password/],
    ['the token of the metrics', { config: { metrics: { token: 'hunter2' } } }, /metrics\/token/],
    ['a key that is the chart\'s own', { config: { dataDir: '/tmp' } }, /config\/dataDir/],
    ['labels by which policy and service find the pod', { podLabels: { 'app.kubernetes.io/name': 'web' } }, /app.kubernetes.io\/name/],
    ['a size without a unit', { persistence: { size: '10' } }, /persistence\/size/],
    ['nothing to debug', { cluster: { enabled: false } }, /nothing to debug/],
    ['a rule without an effect', { policy: { rules: [{ name: 'a', who: {}, actions: ['list'] }] } }, /effect/],
  ] // prettier-ignore
  for (const [what, values, why] of bad) {
    it(what, async () => {
      await assert.rejects(renderChart(values), (cause: { stderr: string }) => {
        assert.match(cause.stderr, why)
        assert.doesNotMatch(cause.stderr, /hunter2/)
        return true
      })
    })
  }
})

describe('deploy/kubernetes', () => {
  const ownToHelm = [
    'app.kubernetes.io/managed-by',
    'helm.sh/chart',
    'helm.sh/resource-policy',
    'hatchway/config',
  ]

  /** Without what only Helm reads, empty maps, and the layout of the files in ConfigMaps. */
  function plain(manifest: unknown): unknown {
    if (Array.isArray(manifest)) return manifest.map(plain)
    if (typeof manifest !== 'object' || manifest === null) return manifest
    const entries = Object.entries(manifest)
      .filter(([key]) => !ownToHelm.includes(key))
      .map(([key, value]) => [key, key.endsWith('.yaml') ? parse(value as string) : plain(value)])
      .filter(([, value]) => JSON.stringify(value) !== '{}')
    return Object.fromEntries(entries)
  }
  const byName = (manifests: readonly Manifest[]) =>
    manifests.map(plain).toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)))
  const nameOf = (manifest: unknown) => {
    const { kind, metadata } = manifest as Manifest
    return `${kind} ${metadata.namespace ?? ''} ${metadata.name}`
  }
  const read = async (...names: string[]) =>
    (await Promise.all(names.map((name) => readFile(join(root, 'deploy/kubernetes', name), 'utf8')))).flatMap(
      manifestsOf,
    )

  it('is what the chart makes of its default values', async () => {
    const [namespace, ...manifests] = await read('rbac.yaml', 'gateway.yaml')
    // Helm makes its own, and `kubectl apply -f rbac.yaml` needs it before all else.
    assert.deepEqual([namespace?.kind, namespace?.metadata.name], ['Namespace', 'hatchway'])
    assert.deepEqual(byName(manifests), byName(await renderChart()))
  })

  it("has the chart's rules for some namespaces, too", async () => {
    const chosen = await renderChart({ cluster: { namespaces: ['payments'] } })
    const roles = chosen.filter(({ kind }) => kind.startsWith('Role'))
    assert.deepEqual(byName(await read('rbac-namespaces.yaml')), byName(roles))
  })

  /** Of all ClusterRoles, in the order of their text. */
  const rulesOf = (manifests: readonly Manifest[]) =>
    manifests
      .filter(({ kind }) => kind === 'ClusterRole')
      .flatMap((manifest) => manifest['rules'] as object[])
      .map((each) => JSON.stringify(each))
      .toSorted()

  it('adds what the chart adds for each feature', async () => {
    const base = await read('rbac.yaml')
    const extras = { debugCopies: true, execFallback: true }
    assert.deepEqual(
      rulesOf([...base, ...(await read('rbac-extras.yaml'))]),
      rulesOf(await renderChart({ cluster: extras })),
    )
    const impersonate = { enabled: true, groups: ['engineering', 'sre-oncall'] }
    assert.deepEqual(
      rulesOf([...base, ...(await read('rbac-impersonation.yaml'))]),
      rulesOf(await renderChart({ cluster: { impersonate } })),
    )
  })
})
