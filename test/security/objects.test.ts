import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Session } from '../../server/protocol/session-api.ts'
import { ConfigError } from '../../server/core/config-error.ts'
import { parsePolicy } from '../../server/policy/parse-policy.ts'
import type { PolicyExplanation } from '../../server/protocol/approval-api.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { behindProxy, ManyAddresses } from '../support/many-addresses.ts'
import { readRoutes } from '../support/open-api.ts'

const main = fileURLToPath(new URL('../../server/main.ts', import.meta.url))

let gateway: TestGateway
let attacker: ManyAddresses
let session: Session

before(async () => {
  gateway = await TestGateway.start({ scripted: true, config: behindProxy })
  attacker = new ManyAddresses(gateway)
  session = await gateway.api<Session>('POST', '/sessions', { target: 'local/web' })
})
after(() => gateway.stop())

interface Simulation {
  before: PolicyExplanation
  after?: PolicyExplanation
  problems: { path: string; message: string; line?: number }[]
}
const simulate = (policy: string, change: Record<string, unknown> = {}) =>
  gateway.api<Simulation>('POST', '/policy/simulate', {
    policy,
    user: 'eve',
    action: 'read-audit',
    ...change,
  })

describe('prototype pollution', () => {
  it('does not come in by any JSON body', async () => {
    const routes = (await readRoutes(gateway.url)).filter(({ fields }) => fields.length > 0)
    assert.ok(routes.length >= 5)
    const authorization = `Bearer ${await gateway.token()}`
    for (const route of routes) {
      const path = route.path.replace('{id}', session.id)
      for (const body of [
        '{"__proto__":{"polluted":true}}',
        '{"\\u005f_proto__":{"polluted":true}}',
        '{"constructor":{"prototype":{"polluted":true}}}',
        `{"${route.fields[0]}":{"__proto__":{"polluted":true}}}`,
        `{"${route.fields[0]}":[{"constructor":{"prototype":{"polluted":true}}}]}`,
        '[{"__proto__":{"polluted":true}}]',
      ]) {
        const headers = { authorization, 'content-type': 'application/json' }
        const answer = await attacker.fetch(path, { method: route.method, headers, body })
        assert.equal(answer.status, 400, `${route.operationId} ${body}: ${await answer.text()}`)
      }
    }
    const good = await gateway.api<Session>('GET', `/sessions/${session.id}`)
    assert.equal(good.state, 'running')
  })

  it('does not come in by a query', async () => {
    const headers = { authorization: `Bearer ${await gateway.token()}` }
    for (const query of [
      '__proto__[polluted]=1',
      '__proto__.polluted=1',
      'constructor[prototype][polluted]=1',
      '__proto__=1',
    ]) {
      const answer = await attacker.fetch(`/api/v1/sessions?${query}`, { headers })
      assert.equal(answer.status, 400, `${query}: ${await answer.text()}`)
    }
  })

  const rule = (more: string) => `
rules:
  - name: one
    who: {subjects: [eve]}
    actions: [read-audit]
    effect: allow
${more}`

  it('does not come in by the YAML of a policy', async () => {
    assert.equal((await simulate(rule(''))).after?.effect, 'allow')
    const attacks: Record<string, string> = {
      'at the top': `__proto__: {rules: []}\n${rule('')}`,
      'in a rule': rule('    __proto__: {effect: allow}'),
      'in place of a limit': rule('    __proto__: {requireReason: false}'),
      'among labels': rule('    where: {labels: {__proto__: a, tier: b}}'),
      'as the only label': rule('    where: {labels: {__proto__: a}}'),
      'in quotes': rule('    where: {labels: {"__proto__": a, tier: b}}'),
      'with an escape': rule('    where: {labels: {"\\x5f_proto__": a, tier: b}}'),
      'by a merge key': rule('    <<: {__proto__: {effect: allow}}'),
      constructor: rule('    constructor: {prototype: {effect: allow}}'),
      'a merge key': rule('    <<: {effect: deny}'),
      'an effect that is inherited': `rules:\n  - name: one\n    who: {subjects: [eve]}\n    actions: [read-audit]\n    __proto__: {effect: allow}\n`,
    }
    for (const [what, policy] of Object.entries(attacks)) {
      const { after, problems } = await simulate(policy)
      assert.equal(after, undefined, what)
      assert.ok(problems.length > 0, what)
    }
    assert.equal((await simulate(rule(''))).after?.effect, 'allow')
  })

  it('does not come in by the YAML of a configuration', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hatchway-config-'))
    const file = join(folder, 'hatchway.yaml')
    const check = (text: string) =>
      writeFile(file, text).then(
        () =>
          new Promise<{ code: number; said: string }>((resolve) => {
            execFile(process.execPath, [main, 'config', 'check', file], (error, out, err) =>
              resolve({ code: error === null ? 0 : Number(error.code), said: out + err }),
            )
          }),
      )
    try {
      assert.equal((await check('logLevel: info\n')).code, 0)
      for (const text of [
        '__proto__: {logLevel: trace}\n',
        'auth: {__proto__: {localTokens: true}}\n',
        '"\\x5f_proto__": {logLevel: trace}\n',
        'constructor: {prototype: {localTokens: true}}\n',
        'listen: {<<: {host: 0.0.0.0}}\n',
      ]) {
        const { code, said } = await check(text)
        assert.equal(code, 78, `${text}: ${said}`)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

const manyKeys = (count: number) => Array.from({ length: count }, (_, n) => `  k${n}: ${n}`).join('\n')

describe('a YAML bomb', () => {
  it('costs in proportion to its size, also where every key is a problem', () => {
    const cost = (count: number) => {
      const text = `rules:\n- ${manyKeys(count).trimStart()}`
      const from = performance.now()
      assert.throws(() => parsePolicy(text), ConfigError)
      return performance.now() - from
    }
    cost(1000)
    const few = Math.min(cost(2000), cost(2000), cost(2000))
    const factor = Math.min(cost(16_000), cost(16_000)) / few
    // Linear work gives about 8, quadratic 64.
    assert.ok(factor < 30, `8 times the keys take ${factor.toFixed(1)} times as long`)
  })

  it('is refused, and costs little, whoever may simulate policies', async () => {
    const laughs = ['a: &a [x,x,x,x,x,x,x,x,x]']
    const letters = 'abcdefghij'.split('')
    for (const [index, name] of letters.slice(1).entries()) {
      const before = letters[index]
      laughs.push(`${name}: &${name} [${Array<string>(9).fill(`*${before}`).join(',')}]`)
    }
    const attacks: Record<string, string> = {
      'a billion laughs': laughs.join('\n'),
      'quadratic growth': `a: &a ${'x'.repeat(20_000)}\nrules: [${Array<string>(2000).fill('*a').join(',')}]`,
      'itself in itself': 'rules: &a [*a]',
      'merge keys of merge keys': `${laughs.join('\n')}\nrules: {<<: *j}`,
      'deep nesting': `rules: ${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      'deep nesting of maps': `rules: ${'{a: '.repeat(10_000)}1${'}'.repeat(10_000)}`,
      'many keys': `rules:\n${manyKeys(50_000)}`,
      'many documents': '---\na: 1\n'.repeat(20_000),
      'a tag of code': 'rules: !!js/function "() => process.exit()"',
      'a tag of binary': 'rules: !!binary aGVsbG8=',
      'a directive': '%YAML 1.1\n---\nrules: yes',
      'keys that are no text': 'rules: [{? [a, b] : c}]',
      'one key twice': 'rules: []\nrules: []',
      'an anchor that is not there': 'rules: *nowhere',
    }
    const memory = async () =>
      Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${gateway.pid}/status`, 'utf8'))?.[1])
    const beforeKiB = await memory()
    for (const [what, policy] of Object.entries(attacks)) {
      const { after, problems } = await simulate(policy.slice(0, 1024 * 1024))
      assert.equal(after, undefined, what)
      assert.ok(problems.length > 0 && problems.length < 60_000, what)
    }
    assert.ok((await memory()) - beforeKiB < 400 * 1024, `grew from ${beforeKiB} to ${await memory()} KiB`)
  })

  it('is refused as a file, and the policy in force stays', async () => {
    const file = join(gateway.directory, 'policy.yaml')
    const good = await readFile(file, 'utf8')
    await writeFile(file, `${good}\n__proto__: {rules: []}\n`)
    await eventually(() => gateway.log.includes('The policy stays as it was'))
    assert.equal((await gateway.fetch('GET', '/audit')).status, 200)
    await writeFile(file, good)
  })
})
