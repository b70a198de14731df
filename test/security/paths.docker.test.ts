import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Session } from '../../server/protocol/session-api.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { ensureImages } from '../support/images.ts'
import { behindProxy, ManyAddresses, type RawAnswer } from '../support/many-addresses.ts'
import { readRoutes, type Route } from '../support/open-api.ts'

const marker = 'content-that-is-for-nobody'

/** As they stand in an address. */
const payloads = [
  '../../../../../../etc/passwd',
  '..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd',
  '%2e%2e/%2e%2e/%2e%2e/etc/passwd',
  '%2e%2e%2f%2e%2e%2fsecret.txt',
  '..%252f..%252fsecret.txt',
  '%252e%252e%252fsecret.txt',
  '....//....//secret.txt',
  '..;/..;/secret.txt',
  '..\\..\\secret.txt',
  '..%5c..%5csecret.txt',
  '%c0%ae%c0%ae%c0%afsecret.txt',
  '%e0%80%ae%e0%80%ae/secret.txt',
  '..%u2215secret.txt',
  '%ef%bc%8e%ef%bc%8e%ef%bc%8fsecret.txt',
  '/etc/passwd',
  '%2fetc%2fpasswd',
  'file:%2f%2f%2fetc%2fpasswd',
  'x%00',
  '%00',
  '..%00/secret.txt',
  'local%2f..%2f..%2fsecret.txt',
  'local/..',
  'local/%2e%2e%2fjson',
  'local/x%2f..%2f..%2finfo',
  'local/x%3fall=1',
  'local/x%23',
  '%0d%0aX-Planted:%20yes',
  '%ff%fe',
  '%',
  '%zz',
  '.',
  '..',
  '%2e',
  '__proto__',
  'constructor',
  'toString',
  "'%20OR%201=1%20--",
  '%22;DROP%20TABLE%20sessions;--',
  '${7*7}',
  '{{7*7}}',
  '$(id)',
  '-1',
  '1e999',
  '9'.repeat(300),
  'x'.repeat(990),
  '',
]

let gateway: TestGateway
let attacker: ManyAddresses
let containers: TestContainers
let target: TestContainer
let session: Session
let routes: Route[]

before(async () => {
  const engine = await defaultEngine()
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  target = await containers.start({ image: 'web' })
  const limits = { openingsPerMinute: 100_000, runsPerMinute: 100_000 }
  gateway = await TestGateway.start({ config: { ...behindProxy, limits, dataDir: './inner/data' } })
  for (const folder of ['.', 'inner', 'inner/data', 'inner/data/blobs', 'inner/data/live'])
    await plant(join(gateway.directory, folder))
  attacker = new ManyAddresses(gateway)
  const { session: opened, terminal } = await gateway.open(`local/${target.name}`)
  terminal.type('exit\n')
  session = await eventually(async () => {
    const found = await gateway.api<Session>('GET', `/sessions/${opened.id}`)
    return found.recording.state === 'sealed' && found
  })
  routes = await readRoutes(gateway.url)
})
after(async () => {
  await gateway.stop()
  await containers.removeAll()
})

async function plant(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'secret.txt'), marker)
}

/** One person may make 1,200 requests a minute, and of those that start or simulate something few: the attacker has many accounts. */
const tokens: string[] = []
let calls = 0
async function token(cost: number): Promise<string> {
  calls += cost
  const account = Math.floor(calls / 1000)
  return (tokens[account] ??= await gateway.token(`account-${account}`))
}

async function assertHarmless(what: string, answer: RawAnswer): Promise<void> {
  const { status, text, headers } = answer
  assert.ok(status < 500, `${what}: ${status} ${text}`)
  assert.notEqual(status, 429, what)
  assert.ok(status < 300 || status > 399, `${what}: redirected to ${String(headers['location'])}`)
  assert.equal(headers['x-planted'], undefined, what)
  for (const inside of [marker, 'root:x:0:0', 'SQLite format 3', 'jwksUri', '"kty"', 'PRIVATE KEY'])
    assert.ok(!text.includes(inside), `${what}: shows ${inside}`)
}

async function attack(route: Route, path: string, body?: string): Promise<void> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${await token(body === undefined ? 1 : 200)}`,
  }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const answer = await attacker.raw(route.method, path, { headers, ...(body !== undefined && { body }) })
  await assertHarmless(`${route.method} ${path} ${body ?? ''}`, answer)
}

/** Values that lead to nothing that an attack would start. */
function address(route: Route, change: Record<string, string> = {}): string {
  return route.path
    .replace('{id}', change['id'] ?? session.id)
    .replace('{ref}', change['ref'] ?? `local/${target.name}`)
}

const bodyOf: Record<string, Record<string, unknown>> = {
  createRun: { target: 'local/there-is-none', command: ['true'], timeoutSeconds: 1 },
  createSession: { target: 'local/there-is-none' },
  decideSession: { decision: 'approve' },
  reviewSession: { verdict: 'justified', reason: 'x' },
  simulatePolicy: { policy: 'rules: []', user: 'x' },
  signIn: { code: 'x' },
}

/** Every file that is not the gateway's own data, with its size and time. */
async function outside(): Promise<string[]> {
  const names = await readdir(gateway.directory, { recursive: true })
  const own = names.filter((name) => !/^inner\/data\/(hatchway\.db|live\/|blobs\/[^s])/.test(name))
  return Promise.all(
    own.toSorted().map(async (name) => {
      const info = await stat(join(gateway.directory, name))
      return info.isDirectory() ? name : `${name} ${info.size} ${info.mtimeMs}`
    }),
  )
}

describe('path traversal', () => {
  let before: string[]
  it('finds every route with its parameters', async () => {
    before = await outside()
    assert.ok(before.some((line) => line.startsWith('secret.txt')))
    const parameters = routes.flatMap((route) => route.parameters)
    assert.ok(parameters.filter((one) => one.in === 'path').length >= 9)
    assert.ok(parameters.filter((one) => one.in === 'query').length >= 30)
    assert.ok(routes.flatMap(({ fields }) => fields).length >= 15)
  })

  it('leads nowhere in a path', async () => {
    for (const route of routes) {
      for (const { name } of route.parameters.filter((one) => one.in === 'path')) {
        for (const payload of payloads) await attack(route, address(route, { [name]: payload }))
      }
    }
    assert.deepEqual(await outside(), before)
  })

  it('leads nowhere behind any address: assets, pages, and what is not there', async () => {
    const read = { method: 'GET', operationId: '', path: '', parameters: [], fields: [] }
    for (const folder of ['/', '/assets/', '/api/', '/api/v1/', '/debug/', '/sessions/', '//', '/./']) {
      for (const payload of payloads) await attack(read, folder + payload)
    }
  })

  it('leads nowhere in a query, alone, twice, or as an object', async () => {
    for (const route of routes) {
      for (const { name } of route.parameters.filter((one) => one.in === 'query')) {
        // No engine is asked for a list that no payload gets to.
        const more = route.operationId === 'listTargets' && name !== 'environment' ? 'environment=x&' : ''
        for (const payload of payloads) await attack(route, `${address(route)}?${more}${name}=${payload}`)
        for (const query of [
          `${name}=a&${name}=b`,
          `${name}[]=a`,
          `${name}[__proto__][a]=b`,
          `__proto__[${name}]=a`,
          `${name}=${'a=b,'.repeat(2000)}`,
        ])
          await attack(route, `${address(route)}?${query}`)
      }
    }
    assert.deepEqual(await outside(), before)
  })

  it('leads nowhere in a body, and no field takes another type than its own', async () => {
    for (const route of routes.filter(({ fields }) => fields.length > 0)) {
      const base = bodyOf[route.operationId] ?? {}
      for (const field of route.fields) {
        const texts = payloads.map((payload) => decode(payload))
        for (const value of [...texts, null, 0, -1, 1e300, true, [], {}, [[]], { a: { b: 1 } }])
          await attack(route, address(route), JSON.stringify({ ...base, [field]: value }))
      }
    }
    assert.deepEqual(await outside(), before)
  })

  it('has touched nothing: the engine, the recording and the policy are as they were', async () => {
    const { State } = await target.container.inspect()
    assert.equal(State.Running, true)
    const recording = await gateway.fetch('GET', `/sessions/${session.id}/recording`)
    assert.match(await recording.text(), /^\{"version":3/)
    assert.match(await readFile(join(gateway.directory, 'policy.yaml'), 'utf8'), /name: everything/)
    const sessions = await gateway.api<{ items: Session[] }>('GET', '/sessions')
    assert.deepEqual(
      sessions.items.map(({ id }) => id),
      [session.id],
    )
  })
})

function decode(payload: string): string {
  try {
    return decodeURIComponent(payload)
  } catch {
    return payload
  }
}
