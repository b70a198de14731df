import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createLocalIssuer } from '../../server/auth/local-issuer.ts'
import { createTokenVerifier } from '../../server/auth/verify-token.ts'
import { commands } from '../../server/cli/commands.ts'
import { runCli, type CliContext } from '../../server/cli/run-cli.ts'
import { localIssuer, type Config } from '../../server/config/config.ts'
import type { GetOrCreateSecret } from '../../server/core/secrets.ts'

let directory: string
let policy: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hatchway-cli-'))
  policy = join(directory, 'policy.yaml')
  await writeFile(
    policy,
    `rules:
  - {name: sre opens, who: {groups: [sre]}, actions: [open], effect: allow, where: {labels: {tier: web}}, maxDuration: 1h}
  - {name: no vault, who: {everyone: true}, actions: [open], where: {targets: [vault]}, effect: deny}
`,
  )
})
after(() => rm(directory, { recursive: true }))

interface Outcome {
  code: number
  out: string
  err: string
  served: Config[]
  verified: string[]
}

const kept = new Map<string, string>()
const getOrCreateSecret: GetOrCreateSecret = (name, create) => {
  kept.set(name, kept.get(name) ?? create())
  return Promise.resolve(kept.get(name) ?? '')
}

async function run(argv: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const outcome: Outcome = { code: -1, out: '', err: '', served: [], verified: [] }
  const context: CliContext = {
    env,
    directory,
    version: '1.2.3',
    isInteractive: false,
    interruption: () => ({ signal: new AbortController().signal, release: () => undefined }),
    print: (text) => (outcome.out += text),
    printError: (text) => (outcome.err += text),
    serve: (config) => Promise.resolve(outcome.served.push(config) - 1),
    verify: (file) => Promise.resolve(outcome.verified.push(file) - 1),
    secrets: () => getOrCreateSecret,
  }
  outcome.code = await runCli(argv, context)
  return outcome
}

describe('the command line', () => {
  it('shows help, for each command', async () => {
    for (const argv of [['help'], ['--help'], ['-h']]) {
      const { code, out } = await run(argv)
      assert.equal(code, 0)
      for (const { name } of commands) assert.ok(out.includes(name), name)
      assert.match(out, /Exit codes: 0 .* 1 .* 64 .* 78/)
    }
    for (const { name, options } of commands) {
      for (const argv of [
        ['help', ...name.split(' ')],
        [...name.split(' '), '--help'],
      ]) {
        const { code, out } = await run(argv)
        assert.equal(code, 0)
        assert.ok(out.startsWith(`hatchway ${name}`))
        for (const option of Object.keys(options)) assert.ok(out.includes(`--${option} `), option)
      }
    }
    assert.equal((await run(['--version'])).out, 'hatchway 1.2.3\n')
  })

  const wrong: [string[], RegExp][] = [
    [['frobnicate'], /"frobnicate" is not a command\. See: hatchway help/],
    [['policy'], /Say which one: policy check, policy explain, policy simulate\./],
    [['policy', 'chek', 'x'], /Say which one/],
    [['serve', '--cofig', 'x'], /Unknown option '--cofig'/],
    [['serve', '--config'], /argument missing/],
    [['serve', 'x'], /"x" is one argument too many/],
    [['serve', '--config', 'a', '--config', 'b'], /--config is given twice/],
    [['verify'], /FILE is missing/],
    [['token', '--ttl', '1y'], /--ttl must be a duration/],
    [['token', '--ttl', '91d'], /at most 90d/],
    [['token', '--gateway', 'http://hatchway.example'], /--gateway must be an https address/],
    [['token', '--gateway', 'https://hatchway.example', '--ttl', '1h'], /--ttl does not go with --gateway/],
    [['login', '--gateway', 'hatchway.example'], /--gateway must be an https address/],
    [['logout', 'x'], /"x" is one argument too many/],
    [['policy', 'explain', '--action', 'fly', 'FILE'], /--action must be one of list, open/],
    [['policy', 'explain', '--target', 'nonsense', 'FILE'], /--target: "nonsense" is not a target/],
    [
      ['policy', 'explain', '--target', 'a/b', '--label', '=', 'FILE'],
      /--label "=" must look like name=value/,
    ],
    [['policy', 'explain', '--label', 'a=b', 'FILE'], /give --target too/],
  ]
  for (const [argv, words] of wrong) {
    it(`exits with 64 for: ${argv.join(' ')}`, async () => {
      const { code, out, err } = await run(argv.map((word) => (word === 'FILE' ? policy : word)))
      assert.equal(code, 64)
      assert.equal(out, '')
      assert.match(err, words)
    })
  }

  it('exits with 64 and shows help when nothing is asked', async () => {
    const { code, out } = await run([])
    assert.deepEqual([code, out.startsWith('hatchway COMMAND')], [64, true])
  })

  it('lets defects through', async () => {
    const context = { ...(await run([])), serve: () => Promise.reject(new Error('defect')) }
    const broken = { ...context, env: {}, directory, version: '', print: () => 0, printError: () => 0 }
    await assert.rejects(runCli(['serve'], broken as unknown as CliContext), /defect/)
  })
})

describe('serve and verify', () => {
  it('take the file of --config, else of HATCHWAY_CONFIG, else the built-in one', async () => {
    const file = join(directory, 'serve.yaml')
    await writeFile(file, 'listen: {port: 1234}')
    assert.equal((await run(['serve', '--config', file])).served[0]?.listen.port, 1234)
    assert.equal((await run(['serve'], { HATCHWAY_CONFIG: file })).served[0]?.listen.port, 1234)
    const local = await run(['serve'], { HATCHWAY_PORT: '4321' })
    assert.deepEqual([local.code, local.served[0]?.listen.port, local.served[0]?.file], [0, 4321, undefined])
  })

  it('do not start with a wrong configuration: exit code 78 and every problem', async () => {
    const file = join(directory, 'wrong.yaml')
    await writeFile(file, 'listen: {port: x}\nfoo: 1')
    const { code, err, served } = await run(['serve', '--config', file])
    assert.equal(code, 78)
    assert.match(
      err,
      /wrong\.yaml:1: listen\.port: .+\n.*wrong\.yaml:2: foo: unknown key\n2 problems found\./,
    )
    assert.equal(served.length, 0)
    assert.equal((await run(['serve', '--config', join(directory, 'none.yaml')])).code, 78)
  })

  it('hand a file to verify', async () => {
    assert.deepEqual((await run(['verify', 'x.cast'])).verified, ['x.cast'])
  })
})

describe('token', () => {
  it('prints a token that the gateway accepts, and words about it elsewhere', async () => {
    const { code, out, err } = await run([
      'token',
      '--user',
      'ci',
      '--name',
      'CI',
      '--group',
      'a',
      '--group',
      'b',
      '--ttl',
      '5m',
    ])
    assert.equal(code, 0)
    assert.match(err, /^For ci, until /)
    const { issuerOptions } = await createLocalIssuer({ getOrCreateSecret, ...localIssuer })
    const who = await createTokenVerifier([issuerOptions]).verify(out.trim())
    assert.deepEqual([who.subject, who.name, who.groups], ['ci', 'CI', ['a', 'b']])
    assert.ok(Math.abs(who.expiresAt.getTime() - Date.now() - 300_000) < 5000)
    assert.ok(!err.includes(out.trim()))
  })

  it('is for the local user when nobody is named', async () => {
    assert.match((await run(['token'])).err, /^For local, /)
  })

  it('is refused where the gateway would not accept it', async () => {
    const file = join(directory, 'issuers.yaml')
    await writeFile(file, 'policy: p\nauth: {issuers: [{issuer: a, audience: b, jwks: k}]}')
    const { code, out, err } = await run(['token', '--config', file])
    assert.deepEqual([code, out], [1, ''])
    assert.match(err, /Set auth\.localTokens: true/)
    await writeFile(
      file,
      'policy: p\nauth: {localTokens: true, issuers: [{issuer: a, audience: b, jwks: k}]}',
    )
    assert.equal((await run(['token', '--config', file])).code, 0)
  })
})

describe('policy check and explain', () => {
  it('checks a file', async () => {
    const good = await run(['policy', 'check', policy])
    assert.equal(good.code, 0)
    assert.match(good.out, /policy\.yaml: 2 rules, no problem\. Version [0-9a-f]{64}\./)
    const file = join(directory, 'bad.yaml')
    await writeFile(file, 'rules:\n- {name: a}\n- 7')
    const bad = await run(['policy', 'check', file])
    assert.equal(bad.code, 78)
    assert.match(
      bad.err,
      /bad\.yaml:2: rules\[0\]\.who: is missing[\s\S]*bad\.yaml:3: rules\[1\]: must be a map/,
    )
    assert.equal((await run(['policy', 'check', join(directory, 'none.yaml')])).code, 78)
  })

  it('explains an allow with its limits', async () => {
    const argv = [
      'policy',
      'explain',
      '--user',
      'ada',
      '--group',
      'sre',
      '--target',
      'local/web',
      '--label',
      'tier=web',
      policy,
    ]
    const { code, out } = await run(argv)
    assert.equal(code, 0)
    assert.match(out, /Matching rules, in the order of the file:\n {2}allow +sre opens\nDecision: allow\n/)
    assert.match(out, /max duration {2}1h\n/)
    assert.match(out, /profiles +auto, general, baseline, restricted\n/)
  })

  it('shows what a change of the file means for one request', async () => {
    const changed = join(directory, 'changed.yaml')
    await writeFile(changed, 'rules: []')
    const ask = [
      'policy',
      'simulate',
      '--group',
      'sre',
      '--target',
      'local/web',
      '--label',
      'tier=web',
      '--before',
      policy,
      '--after',
    ]
    const { code, out } = await run([...ask, changed])
    assert.equal(code, 0)
    assert.match(out, /^Before\n[^]*Decision: allow[^]*^After\n[^]*Decision: deny[^]*The change matters/m)
    assert.match((await run([...ask, policy])).out, /The change does not matter to this request\.\n$/)
    assert.equal((await run(['policy', 'simulate', '--after', policy])).code, 64)
  })

  it('explains a deny by exit code 1 and in words', async () => {
    const closed = await run([
      'policy',
      'explain',
      '--group',
      'sre',
      '--target',
      'local/vault',
      '--label',
      'tier=web',
      policy,
    ])
    assert.equal(closed.code, 1)
    assert.match(
      closed.out,
      /allow +sre opens\n {2}deny +no vault\nDecision: deny \(forbidden\)\n {2}The rule "no vault" denies it/,
    )
    const none = await run(['policy', 'explain', '--user', 'bob', '--target', 'local/web', policy])
    assert.equal(none.code, 1)
    assert.match(none.out, /^No rule matches\.\nDecision: deny \(forbidden\)\n {2}No rule lets bob open/)
  })
})

describe('config check and docs', () => {
  it('shows what a file means, without its secrets', async () => {
    const file = join(directory, 'config.yaml')
    await writeFile(file, 'metrics: {token: {env: TOKEN}}')
    const { code, out } = await run(['config', 'check', file], { TOKEN: 'hunter2-hunter2-hunter2' })
    assert.equal(code, 0)
    assert.deepEqual((JSON.parse(out) as Config).metrics, { token: '[set]' })
    assert.ok(!out.includes('hunter2'))
    assert.equal((await run(['config', 'check', file])).code, 78)
  })

  it('finds a context that the kubeconfig does not have', async () => {
    const [file, kubeconfig] = [join(directory, 'clusters.yaml'), join(directory, 'kubeconfig')]
    await writeFile(kubeconfig, 'contexts: [{name: prod, context: {cluster: c, user: u}}]')
    await writeFile(
      file,
      `environments: [{id: p, kind: kubernetes, kubeconfig: ${kubeconfig}, context: production}]`,
    )
    const { code, err } = await run(['config', 'check', file])
    assert.equal(code, 78)
    assert.match(err, /environments\.0: .*no context named production\. It has: prod/)
  })

  it('prints the reference', async () => {
    assert.equal((await run(['config', 'docs'])).out, await readFile('docs/configuration.md', 'utf8'))
  })
})
