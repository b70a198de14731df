import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { createWsTickets } from '../../server/auth/ws-tickets.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { startHttpGateway } from '../support/http-gateway.ts'
import { attemptTerminal } from '../support/http-socket.ts'
import { behindProxy, ManyAddresses } from '../support/many-addresses.ts'

const policy = `
rules:
  - {name: owners, who: {subjects: [jane, ann]}, actions: [list, open, terminate], effect: allow}
  - {name: others, who: {subjects: [bob]}, actions: [list], effect: allow}
  - {name: watchers, who: {subjects: [wil]}, actions: [watch], effect: allow}
`
let gateway: TestGateway
let attacker: ManyAddresses
let session: Session
let other: Session

before(async () => {
  gateway = await TestGateway.start({ scripted: true, policy, config: behindProxy })
  attacker = new ManyAddresses(gateway)
  session = await open('ann')
  other = await open('ann')
})
after(() => gateway.stop())

function open(who: string): Promise<Session> {
  return gateway.api<Session>('POST', '/sessions', { target: 'local/web' }, who)
}

async function ticketOf({ id }: Session, who = 'ann'): Promise<string> {
  return (await gateway.api<{ ticket: string }>('POST', `/sessions/${id}/ticket`, undefined, who)).ticket
}

async function attempt({ id }: Session, ticket: string, more = ''): Promise<number> {
  const headers = { 'x-forwarded-for': attacker.address() }
  const query = `ticket=${encodeURIComponent(ticket)}${more}`
  const made = await attemptTerminal(`${gateway.url}/api/v1/sessions/${id}/terminal?${query}`, { headers })
  if (!('socket' in made)) return made.status
  made.socket.socket.terminate()
  return 101
}

describe('a terminal ticket', () => {
  it('opens one terminal, also when many come at once', async () => {
    const ticket = await ticketOf(session)
    const answers = await Promise.all(Array.from({ length: 20 }, () => attempt(session, ticket)))
    assert.deepEqual(
      answers.toSorted((a, b) => a - b),
      [101, ...Array<number>(19).fill(401)],
    )
    assert.equal(await attempt(session, ticket), 401)
  })

  it('opens no other session, and is spent by the attempt', async () => {
    const ticket = await ticketOf(session)
    assert.equal(await attempt(other, ticket), 401)
    assert.equal(await attempt(session, ticket), 401)
  })

  it('opens nothing when it is too old', async (t) => {
    let now = Date.now()
    const tickets = createWsTickets({ now: () => now })
    const http = await startHttpGateway(t, { change: ({ auth }) => ({ auth: { ...auth, tickets } }) })
    const token = await http.issuer.token('ann', { seconds: 3600 })
    const body = JSON.stringify({ target: 'local/web-1' })
    const { id } = (await (
      await http.call('/api/v1/sessions', token, { method: 'POST', body })
    ).json()) as Session
    const issue = async () => {
      const answer = await http.call(`/api/v1/sessions/${id}/ticket`, token, { method: 'POST' })
      return ((await answer.json()) as { ticket: string }).ticket
    }
    const address = `${http.url}/api/v1/sessions/${id}/terminal`
    const [late, inTime] = [await issue(), await issue()]
    now += 29_900
    const made = await attemptTerminal(`${address}?ticket=${inTime}`)
    assert.ok('socket' in made)
    made.socket.socket.terminate()
    now += 200
    const refused = await attemptTerminal(`${address}?ticket=${late}`)
    assert.equal('status' in refused && refused.status, 401)
  })

  it('is given to nobody who may not have the session, and tells them nothing', async () => {
    const answers = await Promise.all(
      [session.id, 'no-such-session'].map(async (id) => {
        const answer = await gateway.fetch('POST', `/sessions/${id}/ticket`, undefined, 'bob')
        return [answer.status, (await answer.text()).replace(id, 'ID').replace(/"instance":"[^"]*"/, '')]
      }),
    )
    assert.equal(answers[0]?.[0], 404)
    assert.deepEqual(answers[0], answers[1])
  })

  it('is good for the terminal alone', async () => {
    const ticket = await ticketOf(session)
    for (const path of ['', '/recording', '/verification', '/ticket', '/terminal']) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const address = `/api/v1/sessions/${session.id}${path}?ticket=${ticket}`
        // Without an upgrade, the terminal's own address is one that looks at tickets.
        if (path === '/terminal' && method === 'GET') continue
        const { status } = await attacker.fetch(address, { method })
        assert.ok([401, 404].includes(status), `${method} ${path}: ${status}`)
      }
    }
    const headers = { authorization: `Bearer ${ticket}` }
    assert.equal((await attacker.fetch('/api/v1/me', { headers })).status, 401)
    assert.equal(
      (await attacker.fetch('/api/v1/me', { headers: { cookie: `hatchway=${ticket}` } })).status,
      401,
    )
    assert.equal(await attempt(session, ticket), 101)
  })

  it('is written one way, once', async () => {
    const ticket = await ticketOf(session)
    for (const wrong of [
      ticket.slice(0, -1),
      `${ticket}=`,
      ticket.toLowerCase(),
      '',
      '__proto__',
      'x'.repeat(201),
    ])
      assert.ok([400, 401].includes(await attempt(session, wrong)), wrong)
    // Twice is no ticket at all, and spends none.
    assert.equal(await attempt(session, ticket, `&ticket=${ticket}`), 401)
    assert.equal(await attempt(session, ticket), 101)
  })

  it('is judged by policy when it is used, not when it was given out', async () => {
    const ticket = await ticketOf(session, 'wil')
    const file = `${gateway.directory}/policy.yaml`
    await writeFile(file, policy.replace('subjects: [wil]', 'subjects: [will]'))
    await eventually(() => gateway.log.includes('policy reloaded'))
    assert.equal(await attempt(session, ticket), 404)
    await writeFile(file, policy)
    await eventually(() => gateway.log.split('policy reloaded').length > 2)
    assert.equal(await attempt(session, await ticketOf(session, 'wil')), 101)
  })
})
