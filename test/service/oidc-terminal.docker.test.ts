import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { closeCodes } from '../../server/protocol/terminal.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { ensureImages } from '../support/images.ts'
import { SignInGround } from '../support/sign-in-ground.ts'
import type { TerminalClient } from '../support/terminal-client.ts'
import { WebVisitor } from '../support/web-visitor.ts'
import { within } from '../support/within.ts'

// jane comes with tokens of another issuer: she looks after the tests.
const policy = `
rules:
  - {name: house, who: {subjects: [jane]}, actions: [list, watch, terminate, read-audit], effect: allow}
  - {name: engineers debug, who: {groups: [sre]}, actions: [open], effect: allow}
  - {name: interns look on, who: {groups: [interns]}, actions: [watch], effect: allow}
`

let ground: SignInGround
let target: TestContainer
let containers: TestContainers
before(async () => {
  const engine = await defaultEngine()
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  target = await containers.start({ image: 'web' })
  ground = await start()
})
after(async () => {
  await ground.stop()
  await containers.removeAll()
})
afterEach(() => ground.provider.reset())

function start(oidc: Record<string, unknown> = {}): Promise<SignInGround> {
  return SignInGround.start(oidc, { policy })
}

let people = 0

/** A new person in a browser. Their access tokens last so many seconds, and are renewed a fifth before that. */
async function arrive(seconds: number, group = 'sre', on = ground) {
  const login = `person-${++people}`
  on.provider.people.set(login, { name: login, groups: [group] })
  return { login, visitor: await signIn(login, seconds, on) }
}

async function signIn(login: string, seconds: number, on = ground): Promise<WebVisitor> {
  on.provider.settings.accessTokenSeconds = seconds
  const visitor = new WebVisitor()
  assert.equal((await on.signIn(visitor, '/', login)).pathname, '/')
  return visitor
}

async function open(visitor: WebVisitor, on = ground): Promise<{ id: string; terminal: TerminalClient }> {
  const answer = await on.call(visitor, 'POST', '/sessions', { target: `local/${target.name}` })
  assert.equal(answer.status, 201)
  const { id } = (await answer.json()) as Session
  const terminal = await on.connect(visitor, id)
  await terminal.expect(/[#$] /)
  return { id, terminal }
}

const closing = ({ closed }: TerminalClient) => within(closed, 'the terminal to close')
const get = (id: string) => ground.gateway.api<Session>('GET', `/sessions/${id}`)
const ended = (id: string) =>
  eventually(async () => {
    const session = await get(id)
    return session.state === 'ended' && session
  })

/** Waits for so many more renewals. Nobody but the terminal asks for them. */
async function renewals(count: number): Promise<void> {
  const enough = ground.provider.grants + count
  await eventually(() => ground.provider.grants >= enough, { what: 'the provider to be asked' })
}

describe('a terminal of a signed-in browser', () => {
  it('stays open past the end of its access tokens, without any request of the page', async () => {
    const { visitor } = await arrive(1)
    const { terminal } = await open(visitor)
    await renewals(4)
    assert.equal(await terminal.run('echo still here'), 'still here')
    assert.ok(!terminal.messages.some(({ type }) => type === 'notice'))
  })

  it('and when the provider changes its keys', async () => {
    const { visitor } = await arrive(4)
    const { terminal } = await open(visitor)
    await ground.provider.rotateKeys()
    await renewals(2)
    assert.equal(await terminal.run('echo still here'), 'still here')
  })

  it('closes when the provider says no; the session goes on', async () => {
    const { visitor, login } = await arrive(1)
    const { id, terminal } = await open(visitor)
    ground.provider.storage.removeAccount(login)
    assert.deepEqual(await closing(terminal), { code: closeCodes.expired, reason: 'the sign-in has ended' })
    assert.equal((await get(id)).state, 'running')
    await assert.rejects(ground.connect(visitor, id), /401/)
  })

  it('stays open while the last word of a silent provider is good, and comes back with it', async () => {
    const { visitor } = await arrive(3)
    const { id, terminal } = await open(visitor)
    ground.provider.down()
    const { expiresAt } = (await ground.me(visitor)).body
    const { code, reason } = await closing(terminal)
    assert.deepEqual([code, reason], [closeCodes.restart, 'the identity provider gives no answer'])
    assert.ok(Date.now() >= Date.parse(String(expiresAt)))
    await assert.rejects(ground.connect(visitor, id), /503/)
    ground.provider.up()
    const { offset } = terminal
    const again = await eventually(() => ground.connect(visitor, id, { offset }))
    assert.equal(await again.run('echo back'), 'back')
    assert.ok(!again.messages.some(({ type }) => type === 'reset'))
  })

  it('is told a minute before its sign-in ends, once', async () => {
    const own = await start({ maxSignIn: '62s' })
    try {
      const { visitor } = await arrive(1, 'sre', own)
      const { terminal } = await open(visitor, own)
      const notice = await terminal.message('notice')
      assert.match(notice.text, /^Your sign-in expires in (60|59) seconds\. Sign in again to stay connected/)
      const enough = own.provider.grants + 2
      await eventually(() => own.provider.grants >= enough)
      assert.equal(terminal.messages.filter(({ type }) => type === 'notice').length, 1)
    } finally {
      await own.stop()
    }
  })

  it('closes at the end of its sign-in, whatever the provider says', async () => {
    const own = await start({ maxSignIn: '5s' })
    try {
      const { visitor } = await arrive(1, 'sre', own)
      const { terminal } = await open(visitor, own)
      const before = own.provider.grants
      assert.equal((await closing(terminal)).code, closeCodes.expired)
      // It went on past the ends of access tokens, which are good for a second.
      assert.ok(own.provider.grants >= before + 2)
    } finally {
      await own.stop()
    }
  })
})

describe('groups that change at the provider', () => {
  it('end the session of whom policy no longer lets have it, with the reason', async () => {
    const { visitor, login } = await arrive(1)
    const { id, terminal } = await open(visitor)
    ground.provider.people.set(login, { name: login, groups: ['cooks'] })
    const { end } = await terminal.message('exit')
    assert.equal(end.reason, 'denied')
    assert.match(end.detail ?? '', /^Policy no longer allows this session\. No rule lets person-\d+ open/)
    assert.equal((await closing(terminal)).code, closeCodes.ended)
    assert.equal((await ended(id)).end?.reason, 'denied')
  })

  it('also when nobody is connected and a request of the page is what asks the provider', async () => {
    const { visitor, login } = await arrive(1)
    const { id, terminal } = await open(visitor)
    terminal.close()
    await closing(terminal)
    ground.provider.people.set(login, { name: login, groups: ['cooks'] })
    await eventually(async () => (await ground.me(visitor)).body['groups']?.toString() === 'cooks')
    assert.equal((await ended(id)).end?.reason, 'denied')
  })

  it('also when they come with a new sign-in', async () => {
    const { visitor, login } = await arrive(3600)
    const { id, terminal } = await open(visitor)
    ground.provider.people.set(login, { name: login, groups: ['cooks'] })
    await signIn(login, 3600)
    assert.equal((await terminal.message('exit')).end.reason, 'denied')
    assert.equal((await ended(id)).end?.reason, 'denied')
  })

  it("close the terminal of whom policy no longer lets watch another's session, which goes on", async () => {
    const { id, terminal } = await open((await arrive(3600)).visitor)
    const { visitor, login } = await arrive(1, 'interns')
    const watching = await ground.connect(visitor, id, { role: 'observer' })
    ground.provider.people.set(login, { name: login, groups: ['cooks'] })
    const { code, reason } = await closing(watching)
    assert.deepEqual([code, reason], [closeCodes.revoked, 'policy no longer allows this'])
    assert.equal(await terminal.run('echo still here'), 'still here')
  })
})

describe('signing out', () => {
  it('closes the terminals of this browser; everywhere, those of all browsers of the person', async () => {
    const { visitor: laptop, login } = await arrive(3600)
    const phone = await signIn(login, 3600)
    const { visitor: other } = await arrive(3600, 'interns')
    const { id, terminal } = await open(laptop)
    const onPhone = await ground.connect(phone, id, { role: 'observer' })
    const onOther = await ground.connect(other, id, { role: 'observer' })
    assert.equal((await ground.call(laptop, 'DELETE', '/auth/session')).status, 204)
    assert.deepEqual(await closing(terminal), { code: closeCodes.expired, reason: 'signed out' })
    const tablet = await signIn(login, 3600)
    const onTablet = await ground.connect(tablet, id)
    assert.equal((await ground.call(phone, 'DELETE', '/auth/sessions')).status, 200)
    for (const each of [onPhone, onTablet])
      assert.deepEqual(await closing(each), { code: closeCodes.expired, reason: 'signed out' })
    assert.equal((await get(id)).state, 'running')
    onOther.send({ type: 'ping', id: 7 })
    await onOther.message('pong')
  })

  it('by the provider closes the terminals of a session there, or of all of a person', async () => {
    const { visitor: laptop, login } = await arrive(3600)
    const phone = await signIn(login, 3600)
    const { id, terminal } = await open(laptop)
    const onPhone = await ground.connect(phone, id, { role: 'observer' })
    const session = ground.provider.storage.sessionIdsOf(login)[0]
    assert.equal(await ground.sendLogout(await ground.provider.logoutToken({ sid: session })), 200)
    assert.deepEqual(await closing(terminal), { code: closeCodes.expired, reason: 'signed out' })
    onPhone.send({ type: 'ping', id: 7 })
    await onPhone.message('pong')
    assert.equal(await ground.sendLogout(await ground.provider.logoutToken({ sub: login })), 200)
    assert.deepEqual(await closing(onPhone), { code: closeCodes.expired, reason: 'signed out' })
    const { items } = await ground.gateway.api<AuditList>('GET', `/audit?kind=signed-out&user=${login}`)
    assert.deepEqual(
      items.map(({ detail }) => detail),
      [{ by: 'identity provider' }, { by: 'identity provider' }],
    )
  })

  it('by a logout token that is sent again ends no later sign-in', async () => {
    const { login } = await arrive(3600)
    const token = await ground.provider.logoutToken({ sub: login })
    assert.equal(await ground.sendLogout(token), 200)
    const { terminal } = await open(await signIn(login, 3600))
    assert.equal(await ground.sendLogout(token), 200)
    assert.equal(await terminal.run('echo still here'), 'still here')
    assert.equal(await ground.sendLogout(await ground.provider.logoutToken({ sub: login })), 200)
    assert.equal((await closing(terminal)).code, closeCodes.expired)
  })
})
