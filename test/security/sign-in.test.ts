import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { behindProxy, ManyAddresses } from '../support/many-addresses.ts'

let gateway: TestGateway
let attacker: ManyAddresses

before(async () => {
  gateway = await TestGateway.start({ auth: { localTokens: true }, config: behindProxy })
  attacker = new ManyAddresses(gateway)
})
after(() => gateway.stop())

async function signIn(credential: object, cookie?: string): Promise<{ status: number; id?: string }> {
  const answer = await attacker.fetch('/api/v1/auth/session', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      origin: gateway.url,
      ...(cookie !== undefined && { cookie }),
    },
    body: JSON.stringify(credential),
  })
  const id = /^hatchway=([^;]*)/.exec(answer.headers.get('set-cookie') ?? '')?.[1]
  return { status: answer.status, ...(id !== undefined && { id }) }
}

async function statusWith(cookie: string): Promise<number> {
  return (await attacker.fetch('/api/v1/me', { headers: { cookie } })).status
}

/** The code of the link that the last start has printed. */
async function printedCode(): Promise<string> {
  return eventually(() => [...gateway.log.matchAll(/#code=([\w-]+)/g)].at(-1)?.[1] ?? false)
}

describe('session fixation', () => {
  const planted = 'a'.repeat(43)

  it('has no use for a planted cookie: it never becomes a signed-in one', async () => {
    for (const cookie of [
      `hatchway=${planted}`,
      `hatchway=${planted}; hatchway=${planted}`,
      '__Host-hatchway=x',
    ]) {
      const { status, id } = await signIn({ token: await gateway.token() }, cookie)
      assert.equal(status, 204)
      assert.match(id ?? '', /^[\w-]{43}$/)
      assert.notEqual(id, planted)
      assert.equal(await statusWith(`hatchway=${planted}`), 401)
      assert.equal(await statusWith(`hatchway=${id}`), 200)
    }
  })

  it('has no use for a cookie that was good before: a sign-in ends the one that the browser had', async () => {
    const thief = await signIn({ token: await gateway.token('thief') })
    const victim = await signIn({ token: await gateway.token('victim') }, `hatchway=${thief.id}`)
    assert.notEqual(victim.id, thief.id)
    assert.equal(await statusWith(`hatchway=${thief.id}`), 401)
    assert.equal(await statusWith(`hatchway=${victim.id}`), 200)
    const again = await signIn({ token: await gateway.token('victim') }, `hatchway=${victim.id}`)
    assert.equal(await statusWith(`hatchway=${victim.id}`), 401)
    assert.equal(await statusWith(`hatchway=${again.id}`), 200)
  })

  it('has no use for a cookie after its sign-out', async () => {
    const { id } = await signIn({ token: await gateway.token() })
    const headers = { cookie: `hatchway=${id}`, origin: gateway.url }
    await attacker.fetch('/api/v1/auth/session', { method: 'DELETE', headers })
    assert.equal(await statusWith(`hatchway=${id}`), 401)
  })

  it('does not take the id of a sign-in from anywhere but the cookie', async () => {
    const { id = '' } = await signIn({ token: await gateway.token() })
    const attempts: [string, Record<string, string>][] = [
      [`/api/v1/me?hatchway=${id}`, {}],
      ['/api/v1/me', { authorization: `Bearer ${id}` }],
      ['/api/v1/me', { 'x-hatchway': id }],
      ['/api/v1/me', { cookie: `HATCHWAY=${id}` }],
      ['/api/v1/me', { cookie: `__Host-hatchway=${id}` }],
    ]
    for (const [path, headers] of attempts)
      assert.equal((await attacker.fetch(path, { headers })).status, 401, JSON.stringify([path, headers]))
  })

  it('finds in the store nothing to sign in with', async () => {
    const { id = '' } = await signIn({ token: await gateway.token() })
    const data = `${gateway.directory}/data`
    for (const name of await readdir(data, { recursive: true })) {
      const bytes = await readFile(`${data}/${name}`).catch(() => Buffer.alloc(0))
      assert.ok(!bytes.includes(id), name)
    }
  })
})

describe('the one-time link', () => {
  it('signs exactly one browser in, also when many come at once', async () => {
    const code = await printedCode()
    const answers = await Promise.all(Array.from({ length: 30 }, () => signIn({ code })))
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b)
    assert.deepEqual(statuses, [204, ...Array<number>(29).fill(401)])
    assert.equal(answers.filter(({ id }) => id !== undefined).length, 1)
    assert.equal((await signIn({ code })).status, 401)
    const { items } = await gateway.api<AuditList>('GET', '/audit?kind=signed-in,sign-in-failed&limit=200')
    const byLink = items.filter(
      ({ kind, detail }) => kind === 'sign-in-failed' && detail?.['method'] === 'link',
    )
    assert.equal(byLink.length, 30)
  })

  it('is in no line of the log, printed as it is for whoever started the gateway', async () => {
    const code = await printedCode()
    await signIn({ code })
    await signIn({ code: `${code}x` })
    const lines = gateway.log.split('\n').filter((line) => line.startsWith('{'))
    assert.ok(lines.some((line) => line.includes('/api/v1/auth/session')))
    assert.ok(!lines.some((line) => line.includes(code)))
  })

  it('is nothing that can be guessed or written another way', async () => {
    await gateway.down()
    await gateway.up()
    const code = await printedCode()
    const guesses: unknown[] = [
      code.slice(0, -1),
      `${code}x`,
      ` ${code}`,
      code.toUpperCase(),
      `${code}=`,
      encodeURIComponent(`${code}\n`),
      '',
      'undefined',
      'null',
    ]
    for (const guess of guesses)
      assert.ok([400, 401].includes((await signIn({ code: guess })).status), String(guess))
    for (const guess of [null, [code], { code }, true, 0])
      assert.equal((await signIn({ code: guess })).status, 400)
    assert.equal((await signIn({ code, token: 'a.b.c' })).status, 400)
    // None of them has spent it.
    assert.equal((await signIn({ code })).status, 204)
  })

  it('does not outlive its process', async () => {
    await gateway.down()
    await gateway.up()
    const old = await printedCode()
    await gateway.down()
    await gateway.up()
    await eventually(async () => (await printedCode()) !== old)
    assert.equal((await signIn({ code: old })).status, 401)
  })
})
