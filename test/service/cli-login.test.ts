import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { decodeJwt } from 'jose'
import { withFileLock } from '../../server/store/file-lock.ts'
import { CliProcess, type CliEnd } from '../support/cli.ts'
import { followDeviceLink } from '../support/device-visitor.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { apiAudience, cliClientId, OpenidProvider } from '../support/openid-provider.ts'
import { SignInGround } from '../support/sign-in-ground.ts'
import { WebVisitor } from '../support/web-visitor.ts'
import { within } from '../support/within.ts'

const toldWaits = new URL('../support/told-waits.ts', import.meta.url).href

let ground: SignInGround
before(async () => (ground = await startGround({ resource: apiAudience })))
after(() => ground.stop())
afterEach(() => ground.provider.reset())

/** A gateway that names a provider to programs. */
async function startGround(
  device: Record<string, unknown>,
  {
    audience = apiAudience,
    provider,
    keys = '/jwks',
  }: { audience?: string; provider?: OpenidProvider; keys?: string } = {},
): Promise<SignInGround> {
  const own = provider ?? (await OpenidProvider.start())
  const { issuer } = own
  const issuers = [{ issuer, audience, jwksUri: issuer + keys }]
  return SignInGround.start({ device: { clientId: cliClientId, ...device } }, { auth: { issuers } }, own)
}

let home: string
beforeEach(async () => (home = await mkdtemp(join(tmpdir(), 'hatchway-home-'))))
afterEach(() => rm(home, { recursive: true, force: true }))

const directory = () => join(home, 'hatchway')
const file = () => join(directory(), 'logins.json')
const hatchway = (...args: string[]) => new CliProcess(args, { XDG_CONFIG_HOME: home })
const run = async (...args: string[]): Promise<CliEnd> =>
  within(hatchway(...args).ended, `hatchway ${args[0]}`, 30_000)
const gateway = () => ['--gateway', ground.gateway.url]
const linkOf = async (process: CliProcess) => (await process.sees(/on any device: +(\S+)/))[1] ?? ''

/** The whole way, as `person`. */
async function signIn(person = 'jane', on = ground): Promise<CliEnd> {
  const process = hatchway('login', '--gateway', on.gateway.url)
  await followDeviceLink(new WebVisitor(), await linkOf(process), person)
  return within(process.ended, 'the login to end', 30_000)
}

async function me(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token.trim()}` }
  return (await fetch(`${ground.gateway.url}/api/v1/me`, { headers })).status
}

const isKept = async () => (await readFile(file(), 'utf8').catch(() => '')).includes(ground.gateway.url)

describe('hatchway login', () => {
  it('says who is asked before anybody types anything, and who you are when it is done', async () => {
    const process = hatchway('login', ...gateway())
    const link = await linkOf(process)
    const [told] = await process.sees(/^[^]*Ctrl-C cancels\.\n/)
    assert.ok(told.indexOf(ground.provider.issuer) < told.indexOf(link), told)
    assert.match(
      told,
      new RegExp(`^Gateway: +${ground.gateway.url}\nIdentity provider: ${ground.provider.issuer}, `),
    )
    assert.match(told, /The code: +[A-Z]{4}-[A-Z]{4}\n/)
    assert.ok(link.startsWith(`${ground.provider.issuer}/device?user_code=`))
    assert.equal(await followDeviceLink(new WebVisitor(), link, 'jane'), 'signed in')
    const { code, out, err } = await process.ended
    assert.equal(code, 0)
    assert.match(out, /^Signed in at \S+ as Jane Doe \(jane\), in sre\.\nThe token is good until 2\S+Z; /)
    assert.ok(!/eyJ/.test(out + err), 'a token was shown')
  })

  it('keeps what it got for its owner alone, and `token` prints it', async () => {
    assert.equal((await signIn()).code, 0)
    assert.deepEqual(
      [(await stat(directory())).mode & 0o777, (await stat(file())).mode & 0o777],
      [0o700, 0o600],
    )
    const { code, out, err } = await run('token', ...gateway())
    assert.equal(code, 0)
    assert.equal(await me(out), 200)
    assert.equal(decodeJwt(out.trim()).aud, apiAudience)
    assert.match(err, /^For jane at http\S+, until 2/)
    // Nothing is left beside it.
    assert.deepEqual((await readdir(directory())).toSorted(), ['logins.json', 'logins.lock'])
  })

  it('is cancelled by Ctrl-C at once, and keeps nothing', async () => {
    const process = hatchway('login', ...gateway())
    await linkOf(process)
    process.child.kill('SIGINT')
    const { code, err } = await within(process.ended, 'the end', 3000)
    assert.equal(code, 130)
    assert.match(err, /Cancelled\. Nothing was kept\.\n$/)
    assert.equal(await isKept(), false)
  })

  it('says that it was refused there', async () => {
    const process = hatchway('login', ...gateway())
    await followDeviceLink(new WebVisitor(), await linkOf(process))
    const { code, err } = await process.ended
    assert.equal(code, 1)
    assert.match(err, /says that the sign-in was refused or cancelled there\.\n$/)
    assert.equal(await isKept(), false)
  })

  it('says that the code has expired: by its own clock, or by the provider', async () => {
    ground.provider.settings.device = { interval: 1, expires_in: 1 }
    const first = await run('login', ...gateway())
    ground.provider.reset()
    ground.provider.settings.next.push({ path: '/token', status: 400, body: { error: 'expired_token' } })
    const second = await run('login', ...gateway())
    for (const { code, err } of [first, second]) {
      assert.equal(code, 1)
      assert.match(err, /The code has expired\. Start again\.\n$/)
    }
  })

  it('asks less often when it is told to, and goes on when the provider was down for a while', async () => {
    ground.provider.settings.next.push({ path: '/token', status: 400, body: { error: 'slow_down' } })
    const process = new CliProcess(['login', ...gateway()], {
      XDG_CONFIG_HOME: home,
      NODE_OPTIONS: `--import ${toldWaits}`,
    })
    const link = await linkOf(process)
    const asked = ground.provider.grants
    await eventually(() => ground.provider.grants > asked)
    await followDeviceLink(new WebVisitor(), link, 'jane')
    ground.provider.settings.next.push({ path: '/token', status: 503, body: {} })
    const { code, err } = await within(process.ended, 'the end', 30_000)
    assert.equal(code, 0)
    // RFC 8628, 3.5: five seconds more, which openid-client waits for in steps.
    const waits = Array.from(err.matchAll(/^waits (\d+) ms$/gm), ([, ms]) => Number(ms))
    assert.deepEqual(waits.slice(0, 3), [1000, 5000, 1000])
  })

  it('says that the provider is down, or the gateway', async () => {
    ground.provider.down()
    const provider = await run('login', ...gateway())
    assert.deepEqual([provider.code, provider.out], [1, ''])
    assert.match(provider.err, /^The identity provider http\S+ cannot be used now: /)
    const nobody = await run('login', '--gateway', 'http://127.0.0.1:1')
    assert.equal(nobody.code, 1)
    assert.match(nobody.err, /^The gateway http:\/\/127\.0\.0\.1:1 cannot be reached: /)
  })

  it('says what to do where a gateway lets no program sign in', async () => {
    const own = await TestGateway.start()
    try {
      const { code, err } = await run('login', '--gateway', own.url)
      assert.equal(code, 1)
      assert.match(err, /lets no program sign in by itself: auth\.oidc\.device is not in its configuration/)
    } finally {
      await own.stop()
    }
  })
})

describe('a token that is of no use', () => {
  const cases: [string, Record<string, unknown>, string, RegExp][] = [
    [
      'for another audience',
      { resource: 'urn:mail:api' },
      apiAudience,
      /is for urn:mail:api, and http\S+ accepts/,
    ],
    ['that is no JWT', {}, apiAudience, /only itself can read \(no JWT\)\S*, so/],
  ]
  for (const [name, device, audience, words] of cases) {
    it(`${name}: is said at once, given back, and not kept`, async () => {
      const own = await startGround(device, { audience, provider: ground.provider })
      try {
        ground.provider.people.set('ann', { name: 'Ann', groups: [] })
        const { code, out, err } = await signIn('ann', own)
        assert.deepEqual([code, out], [1, ''])
        assert.match(err, words)
        assert.match(err, /auth\.oidc\.device\.resource/)
        await assert.rejects(readFile(file()))
        assert.equal(ground.provider.storage.refreshTokensOf('ann'), '')
      } finally {
        await own.gateway.stop()
        await ground.provider.register(ground.gateway.url)
      }
    })
  }

  it('because the gateway does not take it: is said with its words, and not kept', async () => {
    const own = await startGround({ resource: apiAudience }, { provider: ground.provider, keys: '/nothing' })
    try {
      ground.provider.people.set('liz', { name: 'Liz', groups: [] })
      const { code, err } = await signIn('liz', own)
      assert.equal(code, 1)
      assert.match(err, /The gateway http\S+ answered with 503: The token could not be checked: the keys of/)
      await assert.rejects(readFile(file()))
      assert.equal(ground.provider.storage.refreshTokensOf('liz'), '')
    } finally {
      await own.gateway.stop()
      await ground.provider.register(ground.gateway.url)
    }
  })
})

describe('hatchway token --gateway', () => {
  const token = () => run('token', ...gateway())
  /** As if it were later: that moment is past now. */
  const pass = async (moment: 'renewAt' | 'expiresAt') => {
    const past = new Date(Date.now() - 1000).toISOString()
    const text = await readFile(file(), 'utf8')
    await writeFile(file(), text.replace(new RegExp(`"${moment}": "[^"]+"`), `"${moment}": "${past}"`))
  }

  it('is silent about a renewal, and does it once for processes that come at once', async () => {
    assert.equal((await signIn()).code, 0)
    const first = (await token()).out
    assert.equal((await token()).out, first)
    await pass('renewAt')
    const asked = ground.provider.grants
    const ends = await Promise.all([token(), token(), token()])
    assert.deepEqual(
      ends.map(({ code }) => code),
      [0, 0, 0],
    )
    assert.equal(ground.provider.grants, asked + 1)
    const [second] = new Set(ends.map(({ out }) => out))
    assert.ok(second !== undefined && ends.every(({ out }) => out === second) && second !== first)
    assert.equal(await me(second), 200)
  })

  it('waits for another process that renews it, and takes what that one got', async () => {
    assert.equal((await signIn()).code, 0)
    const good = await readFile(file(), 'utf8')
    await pass('renewAt')
    const asked = ground.provider.grants
    const waiting = await withFileLock(join(directory(), 'logins.lock'), async () => {
      const both = [token(), token()]
      // Two that started later are through by now: so the first two are where they have to wait.
      for (let count = 0; count < 2; count++)
        assert.equal((await run('token', '--gateway', 'http://127.0.0.1:1')).code, 77)
      await writeFile(file(), good)
      return both
    })
    for (const { code, out } of await Promise.all(waiting)) {
      assert.equal(code, 0)
      assert.ok(good.includes(out.trim()))
    }
    assert.equal(ground.provider.grants, asked)
  })

  it('asks for a new login, by an exit code of its own, when the provider says no', async () => {
    ground.provider.people.set('max', { name: 'Max', groups: [] })
    assert.equal((await signIn('max')).code, 0)
    ground.provider.storage.removeAccount('max')
    await pass('renewAt')
    const { code, out, err } = await token()
    assert.deepEqual([code, out], [77, ''])
    assert.match(err, /no longer stands for the sign-in at \S+\. Run: hatchway login --gateway http/)
    assert.equal(await isKept(), false)
    assert.equal((await token()).code, 77)
  })

  it('goes on with what it has while the provider is down, until that ends', async () => {
    assert.equal((await signIn()).code, 0)
    await pass('renewAt')
    ground.provider.down()
    const good = await token()
    assert.equal(good.code, 0)
    assert.match(good.err, /^Not renewed: The identity provider \S+ cannot be used now/)
    await pass('expiresAt')
    const late = await token()
    assert.deepEqual([late.code, late.out], [1, ''])
    ground.provider.up()
    assert.equal((await token()).code, 0)
  })

  it('has none for another gateway, and nothing of it is asked', async () => {
    assert.equal((await signIn()).code, 0)
    const other = await listen((_request, response) => response.end('{}'))
    try {
      assert.equal((await run('token', '--gateway', other.url)).code, 77)
      assert.deepEqual(other.requests, [])
    } finally {
      other.close()
    }
  })

  it('is what `token` was, without a gateway', async () => {
    const { code, err } = await run('token', '--user', 'ci', ...gateway())
    assert.equal(code, 64)
    assert.match(err, /--user does not go with --gateway/)
  })
})

describe('hatchway logout', () => {
  it('gives the refresh token back and forgets everything', async () => {
    ground.provider.people.set('tom', { name: 'Tom', groups: [] })
    assert.equal((await signIn('tom')).code, 0)
    assert.notEqual(ground.provider.storage.refreshTokensOf('tom'), '')
    const { code, out } = await run('logout', ...gateway())
    assert.equal(code, 0)
    assert.match(out, /^Signed out at http\S+\. An access token that was printed stays good until/)
    assert.equal(ground.provider.storage.refreshTokensOf('tom'), '')
    assert.equal(await isKept(), false)
    assert.match((await run('logout', ...gateway())).out, /^You are not signed in at/)
  })

  it('forgets also where the provider is down, and says that it could not be told', async () => {
    assert.equal((await signIn()).code, 0)
    ground.provider.down()
    const { code, err } = await run('logout', ...gateway())
    assert.equal(code, 1)
    assert.match(err, /could not be given back to http\S+: The identity provider/)
    assert.equal(await isKept(), false)
  })
})

describe('what hatchway login does not trust', () => {
  it('a file or folder that others can read or change, a link, and junk', async () => {
    assert.equal((await signIn()).code, 0)
    const text = await readFile(file(), 'utf8')
    const refused = async (words: RegExp) => {
      for (const command of ['token', 'login', 'logout']) {
        const { code, out, err } = await run(command, ...gateway())
        assert.deepEqual([code, out], [1, ''], command)
        assert.match(err, words)
      }
    }
    await chmod(file(), 0o640)
    await refused(/logins\.json can be read by others, and holds tokens/)
    await chmod(file(), 0o600)
    await chmod(directory(), 0o770)
    await refused(/hatchway can be changed by others/)
    await chmod(directory(), 0o700)
    await rename(file(), join(home, 'elsewhere'))
    await symlink(join(home, 'elsewhere'), file())
    await refused(/is a symbolic link/)
    await rm(file())
    for (const junk of ['', '[]', '{"version": 2}', '{"logins": {"a": {}}}', text.slice(0, -9)]) {
      await writeFile(file(), junk, { mode: 0o600 })
      const { code, err } = await run('token', ...gateway())
      assert.equal(code, 1, junk)
      assert.match(err, /is damaged, or of another version\. Delete it and sign in again/)
    }
  })

  const device = { clientId: 'cli', scopes: ['openid'], audiences: ['a'] }
  const options = (issuer: string, more: object = {}) => ({
    methods: [],
    device: { ...device, issuer, ...more },
  })
  const hostile: [string, object, RegExp][] = [
    ['an issuer without TLS', options('http://idp.example'), /names an identity provider that is not asked/],
    ['an issuer with a password', options('https://a:b@idp.example'), /is not asked/],
    ['an issuer that is no address', options('javascript:alert(1)'), /is not asked/],
    ['a file', options('file:///etc/passwd'), /is not asked/],
    [
      'words that move the cursor',
      options('https://idp.example', { clientId: '\u001b[2Jx' }),
      /is not asked/,
    ],
    ['another answer', { device: 7 }, /is no Hatchway gateway/],
  ]
  for (const [name, answer, words] of hostile) {
    it(`a gateway that names ${name}`, async () => {
      const fake = await listen((_request, response) => response.end(JSON.stringify(answer)))
      try {
        const { code, out, err } = await run('login', '--gateway', fake.url)
        assert.deepEqual([code, out], [1, ''])
        assert.match(err, words)
        assert.ok(!err.includes('\u001b'))
        assert.deepEqual(fake.requests, ['GET /api/v1/auth/options'])
      } finally {
        fake.close()
      }
    })
  }

  it('a gateway that sends it elsewhere', async () => {
    const elsewhere = await listen((_request, response) => response.end('{}'))
    const fake = await listen((_request, response) =>
      response.writeHead(302, { location: elsewhere.url }).end(),
    )
    try {
      const { code, err } = await run('login', '--gateway', fake.url)
      assert.equal(code, 1)
      assert.match(err, /answered with 302/)
      assert.deepEqual(elsewhere.requests, [])
    } finally {
      fake.close()
      elsewhere.close()
    }
  })

  it('a gateway that names another provider than before', async () => {
    assert.equal((await signIn()).code, 0)
    const text = await readFile(file(), 'utf8')
    await writeFile(file(), text.replaceAll(ground.provider.issuer, 'https://idp.example'))
    const { code, err } = await run('login', ...gateway())
    assert.equal(code, 1)
    assert.match(
      err,
      /now names another identity provider, http\S+, than when you signed in last, https:\/\/idp\.example/,
    )
  })

  it('a provider with a code or a page that cannot be shown', async () => {
    for (const change of [
      { user_code: '\u001b[2JAAAA' },
      { verification_uri: 'javascript:alert(1)' },
      { verification_uri: 'http://idp.example/device' },
    ]) {
      ground.provider.settings.device = change
      const { code, err } = await run('login', ...gateway())
      assert.equal(code, 1)
      assert.match(err, /was not accepted: its (code cannot be shown|page for the code has no https address)/)
      assert.ok(!err.includes('\u001b'))
    }
  })

  it('two gateways that take the same token: it says so', async () => {
    assert.equal((await signIn()).code, 0)
    const own = await startGround({ resource: apiAudience }, { provider: ground.provider })
    try {
      const process = hatchway('login', '--gateway', own.gateway.url)
      await process.sees(new RegExp(`Careful: what you get is good at ${ground.gateway.url} too`))
      process.child.kill('SIGINT')
      assert.equal((await process.ended).code, 130)
    } finally {
      await own.gateway.stop()
      await ground.provider.register(ground.gateway.url)
    }
  })
})

/** A server on loopback that is no gateway. */
async function listen(answer: RequestListener) {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, close }
}
