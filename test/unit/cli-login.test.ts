import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { checkAudience, checkDevice } from '../../server/cli/check-device.ts'
import { createGatewayClient } from '../../server/cli/gateway-client.ts'
import { configDirectory } from '../../server/cli/kept-logins.ts'
import { printable } from '../../server/cli/printable.ts'
import { withFileLock } from '../../server/store/file-lock.ts'

const gateway = 'https://hatchway.example'
const device = { issuer: 'https://idp.example', clientId: 'cli', scopes: ['openid'], audiences: ['a', 'b'] }

describe('the gateway of a sign-in', () => {
  it('is known by its origin', () => {
    for (const address of [gateway, `${gateway}/`, `${gateway}/sessions?x#y`, 'HTTPS://HATCHWAY.example:443'])
      assert.equal(createGatewayClient(address).origin, gateway)
    assert.equal(createGatewayClient('http://[::1]:8080').origin, 'http://[::1]:8080')
  })

  it('has TLS, or is this machine', () => {
    for (const address of [
      'http://hatchway.example',
      'http://127.0.0.1.example',
      'http://10.0.0.1',
      'https://user:password@hatchway.example',
      'ftp://127.0.0.1',
      'hatchway.example',
      '',
    ])
      assert.throws(() => createGatewayClient(address), { name: 'UsageError' }, address)
  })
})

describe('the identity provider that a gateway names', () => {
  it('is asked at an https address', () => {
    assert.deepEqual(checkDevice(gateway, device), device)
    assert.deepEqual(checkDevice(gateway, { ...device, resource: 'r' }), { ...device, resource: 'r' })
  })

  it('is not asked on this machine, unless the gateway is here too', () => {
    for (const issuer of ['http://127.0.0.1:9000', 'https://localhost', 'http://[::1]:1']) {
      assert.throws(() => checkDevice(gateway, { ...device, issuer }), /is not asked/, issuer)
      assert.equal(checkDevice('http://127.0.0.1:8080', { ...device, issuer }).issuer, issuer)
    }
  })

  it('is named in words that a terminal can show', () => {
    for (const change of [
      { issuer: 'https://idp.example/\u202E' },
      { clientId: 'a\nb' },
      { resource: '\u001B]0;x\u0007' },
      { scopes: ['\u0000'] },
      { audiences: ['\u200B'] },
    ])
      assert.throws(() => checkDevice(gateway, { ...device, ...change }), /is not asked/)
  })

  it('gives a token that one of the audiences of the gateway is named in', () => {
    const tokens = { accessToken: '', expiresAt: new Date() }
    checkAudience(gateway, device, { ...tokens, audiences: ['x', 'b'] })
    assert.throws(
      () => checkAudience(gateway, device, { ...tokens, audiences: ['x\u001B[2J'] }),
      /^CommandError: The access token of https:\/\/idp\.example is for x\uFFFD\[2J, and https:\/\/hatchway\.example accepts those for a or b\./,
    )
    assert.throws(() => checkAudience(gateway, device, { ...tokens, audiences: [] }), /is for nobody/)
    assert.throws(() => checkAudience(gateway, device, tokens), /\(no JWT\)/)
  })
})

it('what comes from elsewhere is shown as text', () => {
  assert.equal(printable('Zoë \u{1F511} Ω'), 'Zoë \u{1F511} Ω')
  assert.equal(
    printable('a\u001B[2Jb\r\n\u202Ec\u2028d\u0085'),
    'a\uFFFD[2Jb\uFFFD\uFFFD\uFFFDc\uFFFDd\uFFFD',
  )
})

it('sign-ins are kept where the XDG rules say', () => {
  assert.equal(configDirectory({ XDG_CONFIG_HOME: '/etc/x', HOME: '/home/a' }), '/etc/x/hatchway')
  for (const relative of ['', 'x', './x'])
    assert.equal(configDirectory({ XDG_CONFIG_HOME: relative, HOME: '/home/a' }), '/home/a/.config/hatchway')
})

describe('a file lock', () => {
  let path: string
  before(async () => (path = join(await mkdtemp(join(tmpdir(), 'hatchway-lock-')), 'lock')))
  after(() => rm(join(path, '..'), { recursive: true }))

  it('lets one in at a time, and the next also after an error', async () => {
    let inside = 0
    const enter = async () => {
      assert.equal(++inside, 1)
      await new Promise((resolve) => setImmediate(resolve))
      inside--
    }
    await Promise.all(Array.from({ length: 8 }, () => withFileLock(path, enter)))
    await assert.rejects(
      withFileLock(path, () => Promise.reject(new Error('inside'))),
      /inside/,
    )
    assert.equal(await withFileLock(path, () => Promise.resolve('in')), 'in')
  })

  it('is free again when its process was killed', async () => {
    const module = new URL('../../server/store/file-lock.ts', import.meta.url).href
    const script = `const { withFileLock } = await import(${JSON.stringify(module)})
      await withFileLock(${JSON.stringify(path)}, () => { console.log('held'); return new Promise(() => setInterval(() => {}, 1000)) })`
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(holder.stdout, 'data')
    let entered = false
    const waiting = withFileLock(path, () => Promise.resolve((entered = true)))
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(entered, false)
    holder.kill('SIGKILL')
    assert.equal(await waiting, true)
  })
})
