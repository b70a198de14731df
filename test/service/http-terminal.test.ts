import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { hashCookie } from '../../server/auth/browser-login.ts'
import type { AuditEvent } from '../../server/core/session.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import type { ScriptedProgram } from '../drivers/scripted-program.ts'
import { eventually } from '../support/eventually.ts'
import { hold } from '../support/hold-call.ts'
import { sharedHttpGateway, startHttpGateway, type HttpGateway } from '../support/http-gateway.ts'
import { attemptTerminal, openTerminal } from '../support/http-socket.ts'
import { adminsMayAll, everybodyMayAll, policyOf, rule } from '../support/policies.ts'
import { within } from '../support/within.ts'

interface Opened {
  id: string
  url: string
  program: ScriptedProgram
}

/** Opens a session, whose program runs. */
async function openAs(gateway: HttpGateway, token: string, target = 'local/web-1'): Promise<Opened> {
  const body = JSON.stringify({ target })
  const answer = await gateway.call('/api/v1/sessions', token, { method: 'POST', body })
  assert.equal(answer.status, 201, await answer.clone().text())
  const { id } = (await answer.json()) as { id: string }
  await eventually(async () => (await sessionOf(gateway, token, id)).state === 'running')
  const program = gateway.programs.started.get(id)
  assert.ok(program)
  return { id, url: `${gateway.url}/api/v1/sessions/${id}/terminal`, program }
}

async function sessionOf(gateway: HttpGateway, token: string, id: string): Promise<Session> {
  return (await (await gateway.call(`/api/v1/sessions/${id}`, token)).json()) as Session
}

/** The events of those who came to watch it, the last one first. */
async function viewed({ store }: HttpGateway, sessionId: string): Promise<AuditEvent[]> {
  return (await store.listAudit({ sessionId, kinds: ['viewed'], limit: 100 })).items
}

async function untilLeft(gateway: HttpGateway, token: string, id: string): Promise<void> {
  const what = 'the session to be left'
  await eventually(async () => (await sessionOf(gateway, token, id)).viewers.length === 0, { what })
}

/** Holds the next who joins a session, before the session lets them in. */
const holdJoin = ({ refusing }: HttpGateway) =>
  hold({ refusing }, 'appendAudit', ([event]) => (event as AuditEvent).kind === 'viewed')

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('opening a terminal', () => {
  const shared = sharedHttpGateway({
    // bob opens what ann opens; guest only watches web-1; nobody else may anything.
    policy: policyOf(
      adminsMayAll,
      rule('ann', ['open', 'list']),
      rule('bob', ['open', 'list']),
      rule('guest', ['watch'], ['web-1']),
    ),
  })

  it('upgrades with the subprotocol, echoes bytes, and answers messages', async () => {
    const gateway = shared()
    const token = await gateway.issuer.token('ann')
    const { url, id } = await openAs(gateway, token)
    const first = await openTerminal(url, { headers: bearer(token) })
    await first.until(() => first.bytes.toString() === '$ ' || undefined)
    first.socket.close()
    const terminal = await openTerminal(`${url}?offset=1`, {
      headers: bearer(token),
      protocols: ['other', 'hatchway.v1'],
    })
    assert.equal(terminal.socket.protocol, 'hatchway.v1')
    assert.equal(terminal.socket.extensions, '')
    const hello = await terminal.message('hello')
    assert.deepEqual([hello.session.id, hello.role, hello.offset], [id, 'controller', 1])
    assert.deepEqual(hello.session.can, {
      control: true,
      watch: true,
      terminate: true,
      replay: false,
      decide: false,
      review: false,
    })
    const bytes = Buffer.from([0, 255, 27, 128, 10])
    terminal.socket.send(bytes)
    terminal.socket.send(JSON.stringify({ type: 'ping', id: 3 }))
    assert.deepEqual(await terminal.message('pong'), { type: 'pong', id: 3 })
    const resumed = Buffer.concat([Buffer.from(' '), bytes])
    await within(
      terminal.until(() => terminal.bytes.length >= resumed.length || undefined),
      'the echo',
    )
    assert.deepEqual(terminal.bytes, resumed)
    terminal.socket.close()
    await untilLeft(gateway, token, id)
  })

  it('refuses before the upgrade, as a problem', async () => {
    const gateway = shared()
    const [ann, guest, mallory] = await Promise.all(
      ['ann', 'guest', 'mallory'].map((subject) => gateway.issuer.token(subject)),
    )
    assert.ok(ann !== undefined && guest !== undefined && mallory !== undefined)
    const live = await openAs(gateway, ann)
    const ended = await openAs(gateway, ann)
    await gateway.call(`/api/v1/sessions/${ended.id}`, ann, { method: 'DELETE' })
    const other = await openAs(gateway, ann, 'local/vault')
    const absent = `${gateway.url}/api/v1/sessions/absent/terminal`
    const cases: [string, string, Record<string, string>, number, string, string[]?][] = [
      ['nobody', live.url, {}, 401, 'unauthenticated'],
      ['a wrong token', live.url, bearer('junk'), 401, 'token_invalid'],
      ['a wrong ticket', `${live.url}?ticket=junk`, {}, 401, 'unauthenticated'],
      ['no subprotocol', live.url, bearer(ann), 400, 'invalid_request', []],
      ['another subprotocol', live.url, bearer(ann), 400, 'invalid_request', ['hatchway.v2']],
      ['an unknown parameter', `${live.url}?rows=3`, bearer(ann), 400, 'invalid_request'],
      ['a negative offset', `${live.url}?offset=-1`, bearer(ann), 400, 'invalid_request'],
      ['no session', absent, bearer(ann), 404, 'session_not_found'],
      ['a session of others', live.url, bearer(mallory), 404, 'session_not_found'],
      ['a session outside of its rule', other.url, bearer(guest), 404, 'session_not_found'],
      ['an ended session', ended.url, bearer(ann), 410, 'session_ended'],
      ['another address', `${gateway.url}/api/v1/me`, bearer(ann), 404, 'not_found'],
      ['no address', `${gateway.url}/api/v1/nothing`, bearer(ann), 404, 'not_found'],
    ]
    for (const [what, url, headers, status, code, protocols = ['hatchway.v1']] of cases) {
      const attempt = await attemptTerminal(url, { headers, protocols })
      assert.ok(!('socket' in attempt), `${what} was let in`)
      assert.deepEqual([attempt.status, attempt.problem.code], [status, code], what)
    }
    assert.deepEqual(await viewed(gateway, live.id), [])
  })

  it('takes a cookie only from its own pages', async () => {
    const gateway = shared()
    const body = JSON.stringify({ code: gateway.mintCode() })
    const answer = await gateway.call('/api/v1/auth/session', undefined, { method: 'POST', body })
    const cookie = (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
    const { url } = await openAs(gateway, await gateway.issuer.token('ann'))
    const cases: [string | undefined, number][] = [
      [undefined, 403],
      ['https://evil.example', 403],
      ['null', 403],
      [gateway.url.replace('http', 'https'), 403],
      [gateway.url, 101],
    ]
    for (const [origin, status] of cases) {
      const attempt = await attemptTerminal(url, {
        headers: origin === undefined ? { cookie } : { cookie, origin },
      })
      assert.equal('socket' in attempt ? 101 : attempt.status, status, origin)
      if ('socket' in attempt) attempt.socket.socket.close()
    }
    // Signing out closes the terminals of that browser.
    const terminal = await openTerminal(url, { headers: { cookie, origin: gateway.url } })
    const headers = { cookie, origin: gateway.url }
    await gateway.call('/api/v1/auth/session', undefined, { method: 'DELETE', headers })
    assert.equal((await within(terminal.closed, 'the close')).code, 4401)
  })

  it('does not stay open for whom signs out while it is let in', async () => {
    const gateway = shared()
    const body = JSON.stringify({ code: gateway.mintCode() })
    const answer = await gateway.call('/api/v1/auth/session', undefined, { method: 'POST', body })
    const cookie = (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
    const { url } = await openAs(gateway, await gateway.issuer.token('ann'))
    const [, id = ''] = cookie.split('=')
    const { sessions, store } = gateway
    const live = sessions.live.bind(sessions)
    // Between the cookie's check and the socket: a sign-out of that moment finds no socket to close.
    sessions.live = (session) => {
      void store.deleteLogin(hashCookie(id))
      return live(session)
    }
    try {
      const terminal = await openTerminal(url, { headers: { cookie, origin: gateway.url } })
      assert.deepEqual(await within(terminal.closed, 'the close'), { code: 4401, reason: 'signed out' })
    } finally {
      sessions.live = live
    }
  })

  it('by a ticket of a browser ends with its sign-in, as every terminal of that browser does', async () => {
    const gateway = shared()
    const body = JSON.stringify({ token: await gateway.issuer.token('ann') })
    const signIn = async () => {
      const answer = await gateway.call('/api/v1/auth/session', undefined, { method: 'POST', body })
      return { cookie: (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '', origin: gateway.url }
    }
    const headers = await signIn()
    const { id, url } = await openAs(gateway, await gateway.issuer.token('ann'))
    const ticket = async (headers: Record<string, string>) => {
      const path = `/api/v1/sessions/${id}/ticket`
      const answer = await gateway.call(path, undefined, { method: 'POST', headers })
      return ((await answer.json()) as { ticket: string }).ticket
    }
    const terminal = await openTerminal(`${url}?ticket=${await ticket(headers)}`)
    const unused = await ticket(headers)
    const other = await openTerminal(`${url}?role=observer&ticket=${await ticket(await signIn())}`)
    await gateway.call('/api/v1/auth/session', undefined, { method: 'DELETE', headers })
    assert.equal((await within(terminal.closed, 'the close')).code, 4401)
    const late = await attemptTerminal(`${url}?ticket=${unused}`)
    assert.equal('socket' in late ? 101 : late.status, 401)
    assert.equal(other.socket.readyState, other.socket.OPEN)
    await gateway.call('/api/v1/auth/sessions', await gateway.issuer.token('ann'), { method: 'DELETE' })
    assert.equal((await within(other.closed, 'the close')).code, 4401)
  })

  it('takes a ticket once, for its session', async () => {
    const gateway = shared()
    const token = await gateway.issuer.token('ann')
    const { id, url } = await openAs(gateway, token)
    const other = await openAs(gateway, token)
    const ticketFor = async (session: string) => {
      const answer = await gateway.call(`/api/v1/sessions/${session}/ticket`, token, { method: 'POST' })
      assert.equal(answer.status, 201)
      return ((await answer.json()) as { ticket: string }).ticket
    }
    const ticket = await ticketFor(id)
    const terminal = await openTerminal(`${url}?ticket=${ticket}`)
    assert.equal((await terminal.message('hello')).role, 'controller')
    const again = await attemptTerminal(`${url}?ticket=${ticket}`)
    assert.equal('status' in again && again.status, 401)
    const elsewhere = await attemptTerminal(`${other.url}?ticket=${await ticketFor(id)}`)
    assert.equal('status' in elsewhere && elsewhere.status, 401)
    assert.ok(!gateway.log.join('').includes(ticket))
    terminal.socket.close()
  })

  it('gives control to the owner, and to others only if they could have opened it', async () => {
    const gateway = shared()
    const { id, url } = await openAs(gateway, await gateway.issuer.token('ann'))
    const cases: [string, string, string, boolean][] = [
      ['ann', 'controller', 'controller', true],
      ['ann', 'observer', 'observer', true],
      ['guest', 'controller', 'observer', false],
    ]
    for (const [subject, role, given, mayControl] of cases) {
      const headers = bearer(await gateway.issuer.token(subject))
      const terminal = await openTerminal(`${url}?role=${role}`, { headers })
      const hello = await terminal.message('hello')
      assert.deepEqual([hello.role, hello.session.can.control], [given, mayControl])
      const [event] = await viewed(gateway, id)
      assert.deepEqual([event?.who?.subject, event?.detail?.['role']], [subject, given])
      terminal.socket.close()
    }
    // bob may open web-1 himself, but not watch: the session is not his to see.
    const attempt = await attemptTerminal(url, { headers: bearer(await gateway.issuer.token('bob')) })
    assert.equal('status' in attempt && attempt.status, 404)
  })
})

describe('an open terminal', () => {
  const shared = sharedHttpGateway()
  const enter = async () => {
    const gateway = shared()
    const token = await gateway.issuer.token('ann')
    const opened = await openAs(gateway, token)
    return { gateway, token, ...opened }
  }

  it('keeps what is typed before the session lets it in, in order', async () => {
    const { gateway, url, token, program } = await enter()
    const held = holdJoin(gateway)
    const typed = Array.from({ length: 200 }, (_, index) => `${index} `.repeat(100))
    const terminal = await openTerminal(url, {
      headers: bearer(token),
      onOpen: (socket) => {
        for (const text of typed) socket.send(Buffer.from(text))
        socket.send(JSON.stringify({ type: 'ping', id: 1 }))
      },
    })
    await held.reached
    assert.deepEqual(program.typed, [])
    held.release()
    await within(terminal.message('pong'), 'the pong')
    assert.equal(program.typed.join(''), typed.join(''))
    terminal.socket.close()
  })

  it('loses nothing that arrives together with the handshake', async () => {
    const { gateway, url, token, program } = await enter()
    const held = holdJoin(gateway)
    const { host, hostname, port, pathname } = new URL(url)
    const socket = connect(Number(port), hostname)
    const handshake = [
      `GET ${pathname} HTTP/1.1`,
      `Host: ${host}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Protocol: hatchway.v1',
      `Authorization: Bearer ${token}`,
    ]
    // A masked binary frame (RFC 6455 5.2) of two bytes, with a mask of zeros.
    const frame = Buffer.from([0x82, 0x82, 0, 0, 0, 0, 0x6c, 0x73])
    socket.write(Buffer.concat([Buffer.from(`${handshake.join('\r\n')}\r\n\r\n`), frame]))
    const [answer] = (await within(once(socket, 'data'), 'the answer')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.1 101 /)
    held.release()
    await eventually(() => program.typed.join('') === 'ls', { what: 'the early frame' })
    socket.destroy()
  })

  it('lets go of a viewer that left before the session let it in', async () => {
    const { gateway, url, token, id } = await enter()
    const held = holdJoin(gateway)
    const terminal = await openTerminal(`${url}?role=observer`, { headers: bearer(token) })
    await held.reached
    terminal.socket.terminate()
    await terminal.closed
    held.release()
    await eventually(async () => (await viewed(gateway, id)).length === 1, { what: 'it to be let in' })
    const next = await openTerminal(`${url}?role=observer`, { headers: bearer(token) })
    const { viewers, self } = await within(next.message('viewers'), 'those who are there')
    assert.deepEqual(
      viewers.map((viewer) => viewer.id),
      [self],
    )
    next.socket.close()
  })

  const bad: [string, string | Buffer, number][] = [
    ['a text frame that is not JSON', 'ls\n', 4400],
    ['an unknown message', '{"type":"reboot"}', 4400],
    ['a message with more than it should hold', '{"type":"ping","id":1,"__proto__":{}}', 4400],
    ['a size of no terminal', '{"type":"resize","size":{"cols":0,"rows":5}}', 4400],
    ['a frame above 64 KiB', Buffer.alloc(64 * 1024 + 1), 1009],
  ]
  for (const [what, frame, code] of bad) {
    it(`closes with ${code} after ${what}`, async () => {
      const { gateway, url, token, id, program } = await enter()
      const terminal = await openTerminal(url, { headers: bearer(token) })
      await terminal.message('hello')
      terminal.socket.send(frame)
      terminal.socket.send('{"type":"ping","id":1}')
      assert.equal((await within(terminal.closed, 'the close')).code, code)
      assert.deepEqual([program.typed, program.sizes], [[], []])
      assert.ok(!terminal.messages.some(({ type }) => type === 'pong'))
      await untilLeft(gateway, token, id)
    })
  }

  it('takes a frame of 64 KiB', async () => {
    const { url, token } = await enter()
    const terminal = await openTerminal(url, { headers: bearer(token) })
    const frame = Buffer.alloc(64 * 1024, 7)
    terminal.socket.send(frame)
    await within(
      terminal.until(() => terminal.bytes.length >= '$ '.length + frame.length || undefined),
      'the echo',
    )
    assert.ok(terminal.bytes.subarray('$ '.length).equals(frame))
    terminal.socket.close()
  })

  it('stops reading while the session says so', async () => {
    const { url, token, program } = await enter()
    const terminal = await openTerminal(url, { headers: bearer(token) })
    await terminal.message('hello')
    program.reads = false
    // The first is read and echoed; what the program leaves unread is then just above the bound.
    for (const bytes of [1, ...Array<number>(4).fill(64 * 1024)]) terminal.socket.send(Buffer.alloc(bytes))
    await eventually(() => program.io.writableLength > 256 * 1024, { what: 'the bound to be passed' })
    const unread = program.io.writableLength
    terminal.socket.send(Buffer.from('held'))
    // A second viewer's round trip passes the same event loop after the held frame was sent.
    const second = await openTerminal(`${url}?role=observer`, { headers: bearer(token) })
    second.socket.send('{"type":"ping","id":5}')
    await within(second.message('pong'), 'the pong')
    assert.equal(program.io.writableLength, unread)
    program.reads = true
    await eventually(() => program.typed.at(-1) === 'held', { what: 'the held frame' })
    terminal.socket.close()
    second.socket.close()
  })

  it('is told that its token expires, then closed, and the session goes on', async () => {
    const { gateway, url, id } = await enter()
    const token = await gateway.issuer.token('ann', { seconds: 2 })
    const terminal = await openTerminal(url, { headers: bearer(token) })
    const notice = await within(terminal.message('notice'), 'the notice')
    assert.equal(notice.level, 'warning')
    assert.equal(terminal.messages[0]?.type, 'hello')
    assert.deepEqual(await within(terminal.closed, 'the close'), { code: 4401, reason: 'token expired' })
    assert.equal((await sessionOf(gateway, await gateway.issuer.token('ann'), id)).state, 'running')
    assert.equal(gateway.sessions.live(id)?.row.state, 'running')
  })

  it('closes with 4410 when the session ended on the way in', async () => {
    const { gateway, url, token, id } = await enter()
    const held = holdJoin(gateway)
    const terminal = await openTerminal(url, { headers: bearer(token) })
    await held.reached
    await gateway.call(`/api/v1/sessions/${id}`, token, { method: 'DELETE' })
    held.release()
    assert.equal((await within(terminal.closed, 'the close')).code, 4410)
  })

  it('tells nobody what went wrong inside', async () => {
    const { gateway, url, token } = await enter()
    const held = holdJoin(gateway)
    const attempt = openTerminal(url, { headers: bearer(token) })
    await held.reached
    held.fail(new Error('secret path /etc/hatchway'))
    const terminal = await attempt
    assert.deepEqual(await within(terminal.closed, 'the close'), { code: 1011, reason: 'internal error' })
    assert.match(gateway.log.join(''), /secret path/)
  })
})

describe('time', () => {
  it('notices a peer that is gone, and a policy that changed', async (t) => {
    let open = true
    const [before, after] = [policyOf(everybodyMayAll), policyOf(adminsMayAll)]
    const { version } = before
    const policy = { version, at: (moment: Date) => (open ? before : after).at(moment) }
    const gateway = await startHttpGateway(t, { policy })
    const token = await gateway.issuer.token('ann')
    const { url, id } = await openAs(gateway, token)
    t.mock.timers.enable({ apis: ['setInterval'] })
    const silent = await openTerminal(`${url}?role=observer`, { headers: bearer(token) })
    const lively = await openTerminal(url, { headers: bearer(token) })
    await Promise.all([silent.message('hello'), lively.message('hello')])
    silent.socket.pause()
    for (let round = 0; round < 3; round++) {
      const pinged = new Promise((resolve) => lively.socket.once('ping', resolve))
      t.mock.timers.tick(15_000)
      if (round < 2) await within(pinged, 'the ping')
      lively.socket.send('{"type":"ping","id":1}')
      const pongs = () => lively.messages.filter(({ type }) => type === 'pong').length
      await eventually(() => pongs() === round + 1)
    }
    await eventually(async () => (await sessionOf(gateway, token, id)).viewers.length === 1, {
      what: 'the silent peer to be dropped',
    })
    open = false
    t.mock.timers.tick(15_000)
    assert.equal((await within(lively.closed, 'the close')).code, 4403)
    silent.socket.terminate()
  })

  it('lets viewers go with 1012 when the gateway stops, those on their way in too', async (t) => {
    const gateway = await startHttpGateway(t)
    const token = await gateway.issuer.token('ann')
    const { id, url } = await openAs(gateway, token)
    const session = gateway.sessions.live(id)
    assert.ok(session)
    const inside = await openTerminal(url, { headers: bearer(token) })
    await inside.message('hello')
    const held = holdJoin(gateway)
    const waiting = await openTerminal(url, { headers: bearer(token) })
    await held.reached
    await gateway.sessions.drain()
    assert.equal((await within(inside.closed, 'the close')).code, 1012)
    await within(gateway.app.close(), 'the app to close', 5_000)
    assert.equal((await within(waiting.closed, 'the close')).code, 1012)
    held.release()
    await eventually(async () => (await viewed(gateway, id)).length === 2, { what: 'it to be let in' })
    await eventually(() => session.state.viewers.length === 0, { what: 'both to have left the session' })
    await assert.rejects(attemptTerminal(url, { headers: bearer(token) }))
  })
})
