import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createTokenVerifier } from '../../server/auth/verify-token.ts'
import { renderConfigDocs } from '../../server/config/config-docs.ts'
import { loadConfig, localConfig, redactConfig, type Config } from '../../server/config/config.ts'
import { ConfigError } from '../../server/core/config-error.ts'

const secret = 'thirty-two bytes of shared secret'
let directory: string
let path: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hatchway-config-'))
  path = join(directory, 'hatchway.yaml')
  for (const name of ['ca', 'cert', 'key'])
    await writeFile(join(directory, `${name}.pem`), `PEM of ${name}\n`)
  await writeFile(join(directory, 'secret'), `${secret}\r\n\n`)
})
after(() => rm(directory, { recursive: true }))

async function load(text: string, env: Record<string, string> = {}): Promise<Config> {
  await writeFile(path, text)
  return loadConfig({ path, env })
}

/** `line path: message` of every problem. */
async function problemsOf(text: string, env: Record<string, string> = {}): Promise<string[]> {
  try {
    await load(text, env)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems.map((problem) => `${problem.line} ${problem.path}: ${problem.message}`)
  }
  return []
}

const full = `
listen: {host: 0.0.0.0, port: 9000}
publicUrl: https://Hatchway.example.com/
dataDir: ./var
store: {kind: sqlite}
blobs: {kind: directory}
auth:
  issuers:
    - issuer: https://idp.example.com
      audience: hatchway
      jwksUri: https://idp.example.com/jwks
      claims: {groups: realm_access.roles}
      maxTokenAge: 8h
    - {issuer: ci, audience: [a, b], secret: {env: CI_SECRET}, prefix: "ci:"}
    - {issuer: partner, audience: hatchway, jwks: ./jwks.json, prefix: "partner:"}
  clockSkew: 10s
environments:
  - {id: local, kind: docker, socket: /var/run/docker.sock}
  - {id: edge, kind: docker, host: "tcp://10.0.0.5:2376", tls: {ca: ca.pem, cert: cert.pem, key: key.pem}}
  - {id: proxy, kind: docker, host: "tcp://docker-proxy:2375", insecure: true}
toolboxes:
  - {name: busybox, image: "busybox:1.37", shell: [/bin/sh]}
  - {name: own, image: registry.example.com/own@sha256:abc, registryAuth: {username: u, password: {file: secret}}}
policy: ./policy.yaml
limits: {sessionsPerUser: 3, sessions: 100, detachedGrace: 10m, reattach: 2m}
recordings: {maxSize: 2GiB}
sidecar: {memory: 1GiB, cpus: 0.5, pids: 64}
trustProxy: [10.0.0.0/8, "::1"]
logLevel: debug
metrics: {token: {file: ./secret}}
`

function dockerEngine({ environments }: Config, index: number) {
  const environment = environments[index]
  return environment?.kind === 'docker' ? environment.engine : undefined
}

describe('a configuration file', () => {
  it('becomes a whole configuration', async () => {
    const config = await load(full, { CI_SECRET: secret })
    const claims = { subject: 'sub', name: 'name', groups: 'groups' }
    assert.deepEqual(config, {
      file: path,
      listen: { host: '0.0.0.0', port: 9000 },
      publicUrl: 'https://hatchway.example.com',
      dataDir: join(directory, 'var'),
      auth: {
        issuers: [
          {
            issuer: 'https://idp.example.com',
            audience: ['hatchway'],
            keys: { kind: 'jwksUri', url: 'https://idp.example.com/jwks' },
            claims: { ...claims, groups: 'realm_access.roles' },
            prefix: '',
            maxTokenAgeSeconds: 8 * 3600,
          },
          { issuer: 'ci', audience: ['a', 'b'], keys: { kind: 'secret', secret }, claims, prefix: 'ci:' },
          {
            issuer: 'partner',
            audience: ['hatchway'],
            keys: { kind: 'jwksFile', path: join(directory, 'jwks.json') },
            claims,
            prefix: 'partner:',
          },
        ],
        localTokens: false,
        clockSkewSeconds: 10,
        localUser: config.auth.localUser,
      },
      environments: [
        { id: 'local', kind: 'docker', engine: { kind: 'socket', path: '/var/run/docker.sock' } },
        {
          id: 'edge',
          kind: 'docker',
          engine: {
            kind: 'tcp',
            host: '10.0.0.5',
            port: 2376,
            tls: { ca: 'PEM of ca\n', cert: 'PEM of cert\n', key: 'PEM of key\n' },
          },
        },
        { id: 'proxy', kind: 'docker', engine: { kind: 'tcp', host: 'docker-proxy', port: 2375 } },
      ],
      toolboxes: [
        { name: 'busybox', image: 'busybox:1.37', shell: ['/bin/sh'] },
        {
          name: 'own',
          image: 'registry.example.com/own@sha256:abc',
          shell: ['/bin/sh'],
          registryAuth: { username: 'u', password: secret },
        },
      ],
      policy: join(directory, 'policy.yaml'),
      runbooks: [],
      limits: {
        sessionsPerUser: 3,
        sessions: 100,
        detachedGraceMs: 600_000,
        reattachMs: 120_000,
        openingsPerMinute: 120,
        runsPerMinute: 120,
      },
      approvals: { expiresAfterMs: 3_600_000 },
      notifications: [],
      recordings: { maxBytes: 2 * 1024 ** 3, minFree: 256 * 1024 ** 2 },
      sidecar: { memoryBytes: 1024 ** 3, cpus: 0.5, pids: 64 },
      trustProxy: ['10.0.0.0/8', '::1'],
      logLevel: 'debug',
      metrics: { token: secret },
    })
    assert.ok(createTokenVerifier(config.auth.issuers))
  })

  it('may be empty: then everything has a default', async () => {
    const { file, ...config } = await load('')
    const local = localConfig({ env: {}, directory })
    assert.equal(file, path)
    // Without a file the log keeps quiet, so that the sign-in link stays in sight.
    assert.deepEqual({ ...config, logLevel: 'warn' }, local)
  })

  it('takes clusters by kubeconfig, and its own by the service account of its pod', async () => {
    const text = `
environments:
  - {id: prod, kind: kubernetes, kubeconfig: ./kube, context: prod, impersonate: true}
  - {id: staging, kind: kubernetes, kubeconfig: /kube, impersonate: {groups: [sre-*]}, namespaces: [shop, pay]}
  - {id: own, kind: kubernetes}
`
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }
    assert.deepEqual((await load(text, env)).environments, [
      {
        id: 'prod',
        kind: 'kubernetes',
        source: { kind: 'kubeconfig', paths: [join(directory, 'kube')], context: 'prod' },
        impersonate: true,
      },
      {
        id: 'staging',
        kind: 'kubernetes',
        source: { kind: 'kubeconfig', paths: ['/kube'] },
        impersonate: true,
        impersonatedGroups: ['sre-*'],
        namespaces: ['shop', 'pay'],
      },
      {
        id: 'own',
        kind: 'kubernetes',
        source: {
          kind: 'service-account',
          server: 'https://[fd00::1]:6443',
          directory: '/var/run/secrets/kubernetes.io/serviceaccount',
        },
        impersonate: false,
      },
    ])
    assert.deepEqual(await problemsOf(text), [
      '5 environments[2]: needs kubeconfig: only in a pod of the cluster does its service account do',
    ])
    assert.deepEqual(await problemsOf('environments: [{id: own, kind: kubernetes, context: prod}]', env), [
      '1 environments[0].context: goes with kubeconfig',
    ])
  })

  it('is frozen through and through', async () => {
    const config = await load(full, { CI_SECRET: secret })
    assert.throws(() => (config.listen as { port: number }).port++, TypeError)
    assert.throws(() => (config.auth.issuers as unknown[]).pop(), TypeError)
    assert.ok(Object.isFrozen(dockerEngine(config, 1)))
  })

  it('is logged without its secrets', async () => {
    const logged = JSON.stringify(redactConfig(await load(full, { CI_SECRET: secret })))
    assert.ok(!logged.includes(secret))
    assert.ok(!logged.includes('PEM of key'))
    assert.equal(logged.split('"[set]"').length - 1, 4)
    assert.ok(logged.includes('https://idp.example.com/jwks'))
  })

  it('tells every problem at once, with lines, and repeats no value', async () => {
    const text = `listen: {host: 0.0.0.0, port: 99999}
publicUrl: http://foo.example
store: {kind: postgres, url: {env: DB}}
blobs: {kind: s4}
auth:
  issuers:
    - issuer: https://idp.example.com
      jwksUri: http://idp.example.com/jwks
      secret: {env: SHORT}
      claims: {subjct: sub}
    - {issuer: b, audience: c, secret: hunter2}
  oidc: {issuer: http://idp.example.com, clientSecret: hunter2, parameters: {state: x}, device: {clientId: y}}
environments:
  - {id: edge, kind: docker, host: "tcp://10.0.0.5:2376", tls: {ca: no.pem, cert: cert.pem, key: key.pem}}
  - {id: edge2, kind: docker, host: "tcp://10.0.0.5:2376"}
  - {id: both, kind: docker, host: "tcp://127.0.0.1:2376", socket: /x}
  - {id: prod, kind: kubernetes, context: prod, impersonate: "yes", namespaces: [Shop]}
toolboxes:
  - {name: Busy Box, image: "busybox; rm"}
  - {name: own, image: own, registryAuth: {username: u, password: hunter2}}
polcy: ./policy.yaml
sidecar: {memory: 3}
trustProxy: [1.2.3.4/99]
limits: {detachedGrace: 5 minutes}
`
    const problems = await problemsOf(text, { SHORT: 'hunter2' })
    assert.deepEqual(
      problems.map((problem) => problem.replace(/ENOENT.*/, 'ENOENT')),
      [
        '1 listen.port: must be a whole number from 0 to 65535',
        '2 publicUrl: must start with https: sign-in would cross the network in clear text',
        '3 store.kind: postgres is not available in this version',
        '3 store.url: the environment variable DB is not set',
        '4 blobs.kind: must be a map with kind: directory',
        '7 auth.issuers[0].audience: is missing: it must be text or a list of texts',
        '8 auth.issuers[0].jwksUri: must be an https address (http only on loopback): whoever answers it decides who may sign in',
        '9 auth.issuers[0].secret: needs 32 bytes or more, and has 7',
        '10 auth.issuers[0].claims.subjct: unknown key',
        '11 auth.issuers[1].secret: must be {env: NAME} or {file: path}: secrets do not belong into this file',
        '12 auth.oidc.issuer: must be an https address (http only on loopback), without query or fragment',
        '12 auth.oidc.clientId: is missing: it must be text',
        '12 auth.oidc.clientSecret: must be {env: NAME} or {file: path}: secrets do not belong into this file',
        '12 auth.oidc.parameters.state: is set by the gateway itself',
        '14 environments[0].tls.ca: cannot be read: ENOENT',
        '15 environments[1].host: needs tls (or insecure: true): whoever reaches a Docker engine is root on its machine',
        '16 environments[2]: needs either socket or host',
        '17 environments[3].impersonate: must be true, false or a map with groups',
        '17 environments[3].namespaces[0]: must consist of small letters, digits and dashes',
        '19 toolboxes[0].name: must consist of small letters, digits, dots, dashes and underscores',
        '19 toolboxes[0].image: must be an image reference such as busybox:1.37',
        '20 toolboxes[1].registryAuth.password: must be {env: NAME} or {file: path}: secrets do not belong into this file',
        '21 polcy: unknown key',
        '22 sidecar.memory: must be a size such as 512MiB or 1GiB',
        '23 trustProxy[0]: must be an address or a network such as 10.0.0.0/8',
        '24 limits.detachedGrace: must be a duration such as 30s, 5m or 1h',
      ],
    )
    assert.ok(!problems.join().includes('hunter2'))
  })

  const issuer = '{issuer: a, audience: b, jwks: ./k.json}'
  const wrong: [string, string, RegExp][] = [
    [
      'an open listener without publicUrl',
      'listen: {host: 0.0.0.0}',
      /publicUrl: is missing: with a listen.host that is not loopback/,
    ],
    ['issuers without a policy', `auth: {issuers: [${issuer}]}`, /policy: is missing: with issuers/],
    ['nobody who could sign in', 'auth: {localTokens: false}', /auth: nobody could sign in/],
    [
      'an issuer twice',
      `policy: p\nauth: {issuers: [${issuer}, ${issuer}]}`,
      /auth\.issuers\[1\]\.issuer: is used by an earlier entry/,
    ],
    [
      'an environment twice',
      'environments: [{id: a, kind: docker, socket: /x}, {id: a, kind: docker, socket: /y}]',
      /environments\[1\]\.id: is used/,
    ],
    [
      'an issuer without keys',
      'auth: {issuers: [{issuer: a, audience: b}]}',
      /needs exactly one of jwksUri, jwks and secret/,
    ],
    [
      'an issuer with two kinds of keys',
      'auth: {issuers: [{issuer: a, audience: b, jwks: x, jwksUri: "https://x"}]}',
      /exactly one of/,
    ],
    [
      'an issuer without an audience',
      'auth: {issuers: [{issuer: a, audience: [], jwks: x}]}',
      /audience: must name at least one/,
    ],
    [
      'two issuers whose people nothing tells apart',
      'policy: p\nauth: {issuers: [{issuer: a, audience: b, jwks: x}, {issuer: c, audience: b, jwks: y}]}',
      /2 auth\.issuers\[1\]\.prefix: has the same prefix as a, .* or say samePeople: true/,
    ],
    [
      'a provider whose people are called as those of an issuer',
      'policy: p\nauth: {issuers: [{issuer: a, audience: b, jwks: x}], oidc: {issuer: "https://x", clientId: c}}',
      /auth\.oidc\.prefix: has the same prefix as a/,
    ],
    [
      'one person with two subjects',
      'policy: p\nauth: {samePeople: true, issuers: [{issuer: "https://x", audience: b, jwks: x, claims: {subject: email}}], oidc: {issuer: "https://x", clientId: c, claims: {subject: sub}}}',
      /auth\.oidc\.claims\.subject: differs from that of auth\.issuers .* could approve their own requests/,
    ],
    [
      'one person with and without a prefix',
      'policy: p\nauth: {issuers: [{issuer: "https://x", audience: b, jwks: x}], oidc: {issuer: "https://x", clientId: c, prefix: "x:"}}',
      /auth\.oidc\.prefix: differs/,
    ],
    [
      'a client id with a dot in a path',
      'policy: p\nauth: {issuers: [{issuer: a, audience: b, jwks: x, claims: {groups: resource_access.my.client.roles}}]}',
      /claims\.groups: would take a client id with a dot apart .* \[resource_access, my\.client, roles\]/,
    ],
    ['a clock skew above a minute', 'auth: {clockSkew: 61s}', /clockSkew: must be at most 1m/],
    ['a public address with a path', 'publicUrl: https://example.com/hatchway', /without a path/],
    ['a public address of another kind', 'publicUrl: ftp://example.com', /must be an address/],
    [
      'a secret by two ways',
      'metrics: {token: {env: A, file: secret}}',
      /token: must be \{env: NAME\} or \{file: path\}/,
    ],
    ['an empty secret', 'metrics: {token: {file: /dev/null}}', /token: is empty/],
    ['no environment', 'environments: []', /environments: must name at least one/],
    [
      'an address without a port',
      'environments: [{id: a, kind: docker, host: "tcp://127.0.0.1"}]',
      /must look like tcp/,
    ],
    ['broken YAML', 'listen: {', /1 : /],
    [
      's3',
      'blobs: {kind: s3, endpoint: x, bucket: b, region: r, accessKeyId: {file: secret}, secretAccessKey: {file: secret}}',
      /1 blobs\.kind: s3 is not available/,
    ],
  ]
  for (const [name, text, words] of wrong) {
    it(`is refused for ${name}`, async () => {
      assert.match((await problemsOf(text)).join('\n'), words)
    })
  }

  it('names the people of several issuers once, where it says that they are the same', async () => {
    const people = async (auth: string) =>
      (await load(`policy: p\nauth: ${auth}`)).auth.issuers.map((issuer) => issuer.people)
    const both =
      'issuers: [{issuer: a, audience: x, jwks: j}, {issuer: b, audience: x, jwks: j}, {issuer: c, audience: x, jwks: j, prefix: "c:"}]'
    assert.deepEqual(await people(`{samePeople: true, ${both}}`), ['a', 'a', 'c'])
    const provider = 'oidc: {issuer: "https://x", clientId: y}'
    assert.deepEqual(await people(`{samePeople: true, ${both}, ${provider}}`), [
      'https://x',
      'https://x',
      'c',
    ])
    assert.deepEqual(await people('{issuers: [{issuer: a, audience: x, jwks: j}]}'), [undefined])
    // Read as its entry of issuers is, the provider's people are the same without a word.
    const one = 'issuers: [{issuer: "https://x", audience: x, jwks: j, prefix: "x:", claims: {subject: oid}}]'
    const { auth } = await load(`policy: p\nauth: {${one}, ${provider}}`)
    assert.deepEqual([auth.oidc?.prefix, auth.oidc?.claims.subject], ['x:', 'oid'])
  })

  it('that cannot be read is an error of its own', () => {
    assert.throws(
      () => loadConfig({ path: join(directory, 'no.yaml'), env: {} }),
      /no\.yaml: cannot be read: ENOENT/,
    )
  })
})

describe('the start without a configuration', () => {
  it('is loopback, the local engine, one local user and no policy file', () => {
    const config = localConfig({ env: {}, directory })
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 8080 })
    assert.equal(config.dataDir, join(directory, 'data'))
    assert.deepEqual(config.environments, [
      { id: 'local', kind: 'docker', engine: { kind: 'socket', path: '/var/run/docker.sock' } },
    ])
    assert.deepEqual(
      [config.auth.localTokens, config.auth.localUser.subject, config.policy],
      [true, 'local', undefined],
    )
  })

  it('honours HATCHWAY_PORT', () => {
    assert.equal(localConfig({ env: { HATCHWAY_PORT: '0' }, directory }).listen.port, 0)
    for (const HATCHWAY_PORT of ['', 'x', '65536', '-1', '80 80']) {
      assert.throws(() => localConfig({ env: { HATCHWAY_PORT }, directory }), ConfigError)
    }
  })

  it('takes the kubeconfig that kubectl would, if it chooses a context', async () => {
    const clustersOf = (env: Record<string, string>) => localConfig({ env, directory }).environments.slice(1)
    const cluster = (...paths: string[]) => [
      { id: 'kubernetes', kind: 'kubernetes', source: { kind: 'kubeconfig', paths }, impersonate: false },
    ]
    await mkdir(join(directory, '.kube'), { recursive: true })
    const [usual, other, empty] = ['.kube/config', 'other', 'empty'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ]
    await writeFile(usual, 'apiVersion: v1\ncurrent-context: prod\n')
    await writeFile(other, '{"current-context": "staging"}')
    await writeFile(empty, 'apiVersion: v1\ncurrent-context: ""\n')
    assert.deepEqual(clustersOf({ HOME: directory }), cluster(usual))
    assert.deepEqual(
      clustersOf({ HOME: directory, KUBECONFIG: `${empty}:${other}:/nowhere:` }),
      cluster(empty, other),
    )
    for (const env of [{ HOME: '/nowhere' }, { HOME: directory, KUBECONFIG: empty }, {}])
      assert.deepEqual(clustersOf(env), [])
  })

  it('honours DOCKER_HOST as docker does', async () => {
    const engineOf = (env: Record<string, string>) => dockerEngine(localConfig({ env, directory }), 0)
    assert.deepEqual(engineOf({ DOCKER_HOST: 'unix:///run/user/1000/docker.sock' }), {
      kind: 'socket',
      path: '/run/user/1000/docker.sock',
    })
    assert.deepEqual(engineOf({ DOCKER_HOST: 'tcp://[::1]:2375' }), { kind: 'tcp', host: '::1', port: 2375 })
    assert.deepEqual(engineOf({ DOCKER_HOST: 'tcp://docker' }), { kind: 'tcp', host: 'docker', port: 2375 })
    const verified = { DOCKER_HOST: 'tcp://docker', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory }
    const tls = { ca: 'PEM of ca\n', cert: 'PEM of cert\n', key: 'PEM of key\n' }
    assert.deepEqual(engineOf(verified), { kind: 'tcp', host: 'docker', port: 2376, tls })
    assert.throws(
      () => engineOf({ ...verified, DOCKER_CERT_PATH: '/nowhere' }),
      /DOCKER_CERT_PATH: ca\.pem cannot be read/,
    )
    assert.throws(() => engineOf({ DOCKER_HOST: 'ssh://user@host' }), /DOCKER_HOST: must look like/)
  })
})

describe('docs/configuration.md', () => {
  it('is what `hatchway config docs` writes', async () => {
    assert.equal(await readFile('docs/configuration.md', 'utf8'), renderConfigDocs())
  })

  it('describes every key', () => {
    const rows = renderConfigDocs()
      .split('\n')
      .filter((line) => line.startsWith('| `'))
    assert.ok(rows.length > 50)
    for (const row of rows) assert.match(row, /\| [^|]+ \|$/, row)
  })

  it('shows an example that is valid', async () => {
    const [, example = ''] = /```yaml\n([\s\S]+?)```/.exec(renderConfigDocs()) ?? []
    assert.deepEqual(await problemsOf(example), [])
  })
})
