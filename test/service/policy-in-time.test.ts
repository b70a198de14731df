import assert from 'node:assert/strict'
import { afterEach, describe, it, mock } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Session } from '../../server/protocol/session-api.ts'
import { closeCodes } from '../../server/protocol/terminal.ts'
import type { TerminalClient } from '../support/terminal-client.ts'
import { within } from '../support/within.ts'
import { startTimedGateway, type Person, type TimedGateway } from '../support/timed-gateway.ts'

const ada: Person = { subject: 'ada', groups: ['engineers'] }
const ivy: Person = { subject: 'ivy', groups: ['interns'] }
const until = (hours: string) => `{hours: "${hours}", timeZone: UTC}`
const policy = ({ open = '00:00-24:00', watch = '00:00-24:00' }) => `
rules:
  - {name: engineers open, who: {groups: [engineers]}, actions: [open], effect: allow, when: ${until(open)}}
  - {name: interns watch, who: {groups: [interns]}, actions: [watch], effect: allow, when: ${until(watch)}}
`

let gateway: TimedGateway
afterEach(() => gateway.stop())

async function open(): Promise<{ id: string; terminal: TerminalClient }> {
  const { id } = await gateway.api<Session>('POST', '/sessions', { target: 'local/web' }, ada)
  const terminal = await gateway.connect(id, ada)
  await terminal.expect(/\$ /)
  return { id, terminal }
}

let pings = 0
/** Moves the clock on, and waits until the gateway has answered everyone whose sockets are open. */
async function pass(minutes: number, ...terminals: TerminalClient[]): Promise<void> {
  for (let quarter = 0; quarter < minutes * 4; quarter++) {
    mock.timers.tick(15_000)
    for (const terminal of terminals) {
      if (terminal.socket.readyState !== terminal.socket.OPEN) continue
      const id = ++pings
      terminal.send({ type: 'ping', id })
      await Promise.race([terminal.message('pong', (pong) => pong.id === id), terminal.closed])
    }
  }
}
/** Counts its tries: by the clock of these tests no time passes while it waits. */
async function ending(id: string): Promise<Session> {
  for (let tries = 0; tries < 250; tries++) {
    const session = await gateway.api<Session>('GET', `/sessions/${id}`, undefined, ada)
    if (session.state === 'ended') return session
    await delay(20)
  }
  throw new Error(`Session ${id} did not end`)
}

/** But for those of a suspended gateway: a clock that leaps looks the same from inside. */
const warnings = ({ messages }: TerminalClient) =>
  messages.flatMap((message) =>
    message.type === 'notice' && message.level === 'warning' && !/was suspended/.test(message.text)
      ? message.text
      : [],
  )

describe('as time passes', () => {
  it('a session is told five minutes before its time window closes, once, and ended when it has', async () => {
    gateway = await startTimedGateway(policy({ open: '09:00-12:00' }), new Date('2026-11-24T11:50:00Z'))
    const { id, terminal } = await open()
    await pass(4, terminal)
    assert.deepEqual(warnings(terminal), [])
    await pass(1, terminal)
    assert.match(warnings(terminal).join(), /^Policy allows this session for only a few minutes more/)
    await pass(4, terminal)
    assert.equal(warnings(terminal).length, 1)
    assert.equal(terminal.socket.readyState, terminal.socket.OPEN)
    await pass(1, terminal)
    const { end } = await terminal.message('exit')
    assert.equal(end.reason, 'denied')
    assert.match(
      end.detail ?? '',
      /^Policy no longer allows this session\..*at another time: every day 09:00-12:00 UTC/,
    )
    await assert.rejects(
      gateway.api('POST', '/sessions', { target: 'local/web' }, ada),
      /403 forbidden: .*09:00-12:00 UTC/,
    )
    await assert.rejects(gateway.connect(id, ada), /403|410/)
  })

  it('a session that nobody looks at is ended too', async () => {
    gateway = await startTimedGateway(policy({ open: '09:00-12:00' }), new Date('2026-11-24T11:58:00Z'))
    const { id, terminal } = await open()
    terminal.socket.close()
    await within(terminal.closed, 'the socket to close')
    await pass(1)
    assert.equal((await gateway.api<Session>('GET', `/sessions/${id}`, undefined, ada)).state, 'running')
    await pass(1)
    const ended = await ending(id)
    assert.equal(ended.end?.reason, 'denied')
    assert.match(ended.end?.detail ?? '', /09:00-12:00 UTC/)
  })

  it('a viewer whose right to watch ends is let go, and the session goes on', async () => {
    gateway = await startTimedGateway(policy({ watch: '09:00-12:00' }), new Date('2026-11-24T11:58:00Z'))
    const { id, terminal } = await open()
    const watcher = await gateway.connect(id, ivy, { role: 'observer' })
    await pass(1, terminal, watcher)
    assert.equal(watcher.socket.readyState, watcher.socket.OPEN)
    await pass(1, terminal, watcher)
    assert.equal((await within(watcher.closed, 'the viewer to be let go')).code, closeCodes.revoked)
    await assert.rejects(gateway.connect(id, ivy, { role: 'observer' }), /40[34]/)
    terminal.type('still here')
    await terminal.expect(/still here/)
  })

  it('one who comes back with another token is judged by it, and what they have open is not', async () => {
    gateway = await startTimedGateway(policy({}), new Date('2026-11-24T11:58:00Z'))
    const first = await open()
    const second = await open()
    const narrow = { ...ada, groups: ['guests'] }
    // Their own session, and one that there never was: a thief of a poor token ends nothing by it.
    for (const id of [first.id, 'nonsense']) await assert.rejects(gateway.connect(id, narrow), /40[34]/)
    await pass(2, first.terminal, second.terminal)
    for (const { terminal } of [first, second]) {
      terminal.type('goes on')
      await terminal.expect(/goes on/)
    }
  })

  it('one who joins is judged anew: what a former token let them watch is nothing now', async () => {
    gateway = await startTimedGateway(policy({}), new Date('2026-11-24T11:58:00Z'))
    const { id, terminal } = await open()
    const watcher = await gateway.connect(id, ivy, { role: 'observer' })
    await assert.rejects(gateway.connect(id, { ...ivy, groups: [] }, { role: 'observer' }), /40[34]/)
    // Another token takes nothing from a socket that has its own, nor from the session of somebody else.
    await pass(1, terminal, watcher)
    assert.equal(watcher.socket.readyState, watcher.socket.OPEN)
    terminal.type('not mine to lose')
    await watcher.expect(/not mine to lose/)
  })
})
