import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { closeCodes, type ClientMessage } from '../../server/protocol/terminal.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { behindProxy, ManyAddresses } from '../support/many-addresses.ts'
import { frame, RawWebSocket, type FrameOptions } from '../support/raw-websocket.ts'
import type { TerminalClient } from '../support/terminal-client.ts'
import { within } from '../support/within.ts'

let gateway: TestGateway
let attacker: ManyAddresses
let session: Session
let witness: TerminalClient

before(async () => {
  gateway = await TestGateway.start({ scripted: true, heapMiB: 160, config: behindProxy })
  attacker = new ManyAddresses(gateway)
  const opened = await gateway.open('local/web')
  witness = opened.terminal
  session = await gateway.api<Session>('POST', '/sessions', { target: 'local/web' })
})
after(() => gateway.stop())

let marks = 0
/** Somebody else's call and somebody else's terminal go on. */
async function assertServesOthers(during: string): Promise<void> {
  const call = await within(attacker.fetch('/livez'), `an answer during ${during}`, 5_000)
  assert.equal(call.status, 200)
  const mark = `mark-${marks++}`
  witness.type(mark)
  await witness.expect(new RegExp(mark), 5_000)
}

async function openFiles(): Promise<number> {
  return (await readdir(`/proc/${gateway.pid}/fd`)).length
}

/** How many of these the gateway has taken: in the kernel's table, what still waits to be accepted has no inode. */
async function accepted(sockets: readonly Socket[]): Promise<number> {
  const port = Number(new URL(gateway.url).port)
  const peers = new Set(sockets.map((socket) => socket.localPort))
  const table = (await readFile('/proc/net/tcp', 'utf8')).trim().split('\n').slice(1)
  const portOf = (address = '') => Number.parseInt(address.split(':')[1] ?? '', 16)
  return table
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, remote]) => portOf(local) === port && peers.has(portOf(remote)))
    .filter((fields) => fields[9] !== '0').length
}

async function memoryMiB(): Promise<number> {
  const status = await readFile(`/proc/${gateway.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}

function dial(): Socket {
  const { hostname, port } = new URL(gateway.url)
  return connect(Number(port), hostname).on('error', () => undefined)
}

function endOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

function dripping(socket: Socket, piece: string): NodeJS.Timeout {
  return setInterval(() => socket.writable && socket.write(piece), 500)
}

describe('before anybody has said who they are', () => {
  it('slow and silent connections are ended, and keep nobody else waiting', async () => {
    const before = await openFiles()
    const { host } = new URL(gateway.url)
    const kinds: Record<string, [string, string]> = {
      silent: ['', ''],
      'half a request line': ['GET /api/v1/me HT', ''],
      'headers that never end': [`GET / HTTP/1.1\r\nHost: ${host}\r\n`, 'X-A: b\r\n'],
      'a body that never ends': [
        `POST /api/v1/auth/session HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{`,
        ' ',
      ],
      'chunks that never end': [
        `POST /api/v1/auth/session HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
        '1\r\n \r\n',
      ],
    }
    const timers: NodeJS.Timeout[] = []
    const sockets: Socket[] = []
    const closed: [string, Promise<unknown>][] = []
    for (const [kind, [start, drip]] of Object.entries(kinds)) {
      for (let n = 0; n < 60; n++) {
        const socket = dial()
        sockets.push(socket)
        closed.push([kind, endOf(socket.resume())])
        socket.write(start)
        if (drip !== '') timers.push(dripping(socket, drip))
      }
    }
    try {
      await eventually(async () => (await accepted(sockets)) === sockets.length)
      await assertServesOthers('300 slow connections')
      for (const [kind, end] of closed) await within(end, `the end of a connection with ${kind}`, 30_000)
    } finally {
      for (const timer of timers) clearInterval(timer)
    }
    await eventually(async () => (await openFiles()) < before + 20, { what: 'the files to be closed' })
    await assertServesOthers('the end of them')
  })

  it('huge headers and bodies are refused before they are read', async () => {
    const memory = await memoryMiB()
    const { host } = new URL(gateway.url)
    /** The status of the answer; 0 when the connection was cut. It comes long before everything was sent. */
    const answerTo = async (head: string, piece: Buffer) => {
      const socket = dial()
      const answer: string[] = []
      socket.on('data', (chunk: Buffer) => answer.push(chunk.toString('latin1')))
      const closed = endOf(socket)
      socket.write(head)
      let sent = 0
      while (socket.writable && answer.length === 0) {
        const written = new Promise((resolve) => socket.write(piece, resolve))
        await Promise.race([written, closed])
        sent += piece.length
        assert.ok(sent < 32 * 1024 * 1024, head)
      }
      await Promise.race([closed, eventually(() => answer.length > 0).catch(() => undefined)])
      socket.destroy()
      await closed
      return Number(answer.join('').slice(9, 12))
    }
    const line = Buffer.from(`X-${'a'.repeat(60)}: ${'b'.repeat(2000)}\r\n`)
    assert.ok([413, 0].includes(await answerTo(`GET / HTTP/1.1\r\nHost: ${host}\r\n`, line)))
    const json = 'Content-Type: application/json\r\n'
    const from = () => `X-Forwarded-For: ${attacker.address()}\r\n`
    const large = `Host: ${host}\r\n${json}Content-Length: 10000000000\r\n\r\n`
    const chunked = `Host: ${host}\r\n${json}Transfer-Encoding: chunked\r\n\r\n`
    const chunk = Buffer.from(`10000\r\n${'{'.repeat(65_536)}\r\n`)
    for (const kind of [large, chunked]) {
      const status = await answerTo(`POST /api/v1/auth/session HTTP/1.1\r\n${from()}${kind}`, chunk)
      assert.ok([413, 0].includes(status), `${status} ${kind}`)
      for (const path of ['sessions', 'policy/simulate'])
        assert.ok(
          [401, 0].includes(await answerTo(`POST /api/v1/${path} HTTP/1.1\r\n${from()}${kind}`, chunk)),
        )
    }
    await assertServesOthers('huge requests')
    assert.ok((await memoryMiB()) - memory < 150)
  })

  it('upgrades without a credential get an answer and no socket', async () => {
    const before = await openFiles()
    const path = `/api/v1/sessions/${session.id}/terminal`
    const attempts = await Promise.allSettled(
      Array.from({ length: 300 }, () =>
        RawWebSocket.open(gateway.url, path, { 'X-Forwarded-For': attacker.address() }),
      ),
    )
    for (const attempt of attempts)
      assert.match(attempt.status === 'rejected' ? String(attempt.reason) : 'upgraded', /HTTP\/1\.1 401/)
    await assertServesOthers('upgrades')
    await eventually(async () => (await openFiles()) < before + 20, { what: 'the sockets to be closed' })
  })

  it('too many requests from one address are told so, and nobody else is', async () => {
    const statuses = new Set<number>()
    const headers = { 'x-forwarded-for': '198.18.255.1' }
    for (let round = 0; round < 40; round++) {
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => fetch(`${gateway.url}/api/v1/auth/options`, { headers })),
      )
      for (const answer of answers) statuses.add(answer.status)
      for (const answer of answers) await answer.body?.cancel()
    }
    assert.deepEqual(
      [...statuses].toSorted((a, b) => a - b),
      [200, 429],
    )
    assert.equal((await attacker.fetch('/api/v1/auth/options')).status, 200)
  })
})

async function terminal(): Promise<RawWebSocket> {
  const headers = { Authorization: `Bearer ${await gateway.token()}`, 'X-Forwarded-For': attacker.address() }
  return RawWebSocket.open(gateway.url, `/api/v1/sessions/${session.id}/terminal`, headers)
}

describe('a terminal whose client is hostile', () => {
  const text = (value: string) => ({ opcode: 1, payload: Buffer.from(value) })
  const attacks: [string, FrameOptions[], number][] = [
    ['does not mask', [{ opcode: 2, payload: Buffer.from('x'), masked: false }], 1002],
    ['sends a frame that is too large', [{ opcode: 2, payload: Buffer.alloc(65_537) }], 1009],
    ['announces a frame of 2^62 bytes', [{ opcode: 2, length: 2n ** 62n }], 1009],
    ['announces more than a number can hold', [{ opcode: 2, length: 2n ** 64n - 1n }], 1009],
    ['compresses what was not agreed on', [{ opcode: 2, payload: Buffer.alloc(10), reserved: 4 }], 1002],
    ['uses a reserved bit', [{ opcode: 2, reserved: 1 }], 1002],
    ['uses an opcode that is none', [{ opcode: 3 }], 1002],
    ['continues what was not begun', [{ opcode: 0, payload: Buffer.from('x') }], 1002],
    ['splits a ping', [{ opcode: 9, fin: false }], 1002],
    ['pings with more than 125 bytes', [{ opcode: 9, payload: Buffer.alloc(126) }], 1002],
    ['closes with a code that is none', [{ opcode: 8, payload: Buffer.from([0, 1]) }], 1002],
    ['sends text that is no UTF-8', [{ opcode: 1, payload: Buffer.from([0xff, 0xfe]) }], 1007],
    [
      'sends too many fragments',
      [{ opcode: 2, fin: false }, ...Array.from({ length: 17_000 }, () => ({ opcode: 0, fin: false }))],
      1008,
    ],
    [
      'sends a message that is too large in pieces',
      [
        { opcode: 2, fin: false, payload: Buffer.alloc(60_000) },
        { opcode: 0, fin: true, payload: Buffer.alloc(6000) },
      ],
      1009,
    ],
    [
      'says what only the gateway says',
      [text('{"type":"exit","end":{"reason":"exit"}}')],
      closeCodes.badRequest,
    ],
    ['says what nobody says', [text('{"type":"eval","code":"1"}')], closeCodes.badRequest],
    ['says what is no JSON', [text('take-control')], closeCodes.badRequest],
    ['nests without end', [text('['.repeat(60_000))], closeCodes.badRequest],
    ['acknowledges less than nothing', [text('{"type":"ack","offset":-1}')], closeCodes.badRequest],
    ['acknowledges half a byte', [text('{"type":"ack","offset":0.5}')], closeCodes.badRequest],
    ['acknowledges without end', [text('{"type":"ack","offset":1e999}')], closeCodes.badRequest],
    [
      'asks for a size of a million',
      [text('{"type":"resize","size":{"cols":1000000,"rows":2}}')],
      closeCodes.badRequest,
    ],
    ['brings a prototype', [text('{"type":"take-control","__proto__":{"a":1}}')], closeCodes.badRequest],
  ]
  for (const [what, frames, code] of attacks) {
    it(`is let go when it ${what}`, async () => {
      const hostile = await terminal()
      for (const each of frames) hostile.send(each)
      await eventually(() => hostile.closeCode !== undefined, { what: 'a close' })
      assert.equal(hostile.closeCode, code)
      hostile.socket.destroy()
      await assertServesOthers(what)
    })
  }

  it('gets as many answers as it reads, and no more are kept for it', async () => {
    const memory = await memoryMiB()
    const ping = { opcode: 9, payload: Buffer.alloc(125) }
    const question = { opcode: 1, payload: Buffer.from('{"type":"ping","id":1}') }
    for (const [what, one] of Object.entries({ pings: ping, questions: question })) {
      const hostile = await terminal()
      hostile.stopReading()
      // Twenty times as much as may wait; what the kernel holds is not the gateway's.
      const burst = Buffer.concat(Array.from({ length: 4000 }, () => frame(one)))
      for (let sent = 0; sent < 100 * 1024 * 1024 && hostile.socket.writable; sent += burst.length) {
        const written = new Promise((resolve) => hostile.socket.write(burst, resolve))
        await Promise.race([written, hostile.closed])
      }
      await assertServesOthers(what)
      hostile.socket.resume()
      await within(hostile.closed, `the end of a flood of ${what}`)
    }
    assert.ok((await memoryMiB()) - memory < 120, `${memory} grew to ${await memoryMiB()} MiB`)
  })

  it('that says it has read what it has not, is let go before it costs memory', async () => {
    const memory = await memoryMiB()
    const { session: loud } = await gateway.open('local/web', { who: 'mallory' })
    const headers = {
      Authorization: `Bearer ${await gateway.token('mallory')}`,
      'X-Forwarded-For': attacker.address(),
    }
    const hostile = await RawWebSocket.open(gateway.url, `/api/v1/sessions/${loud.id}/terminal`, headers)
    hostile.stopReading()
    // The scripted terminal echoes: what is typed is its output.
    const typed = frame({ opcode: 2, payload: Buffer.alloc(60_000, 'x') })
    const lie = frame({
      opcode: 1,
      payload: Buffer.from(`{"type":"ack","offset":${Number.MAX_SAFE_INTEGER}}`),
    })
    const burst = Buffer.concat([typed, lie])
    for (let sent = 0; sent < 100 * 1024 * 1024 && hostile.socket.writable; sent += burst.length) {
      const written = new Promise((resolve) => hostile.socket.write(burst, resolve))
      await Promise.race([written, hostile.closed])
    }
    await within(hostile.closed, 'the end of the connection')
    await assertServesOthers('false acknowledgements')
    assert.ok((await memoryMiB()) - memory < 120, `${memory} grew to ${await memoryMiB()} MiB`)
  })

  const said = (message: ClientMessage) => ({ opcode: 1, payload: Buffer.from(JSON.stringify(message)) })
  const sizeAt = (n: number) => ({ cols: 999 + (n % 2), rows: 1000 })
  const floods: Record<ClientMessage['type'] | 'bytes', (n: number) => FrameOptions> = {
    resize: (n) => said({ type: 'resize', size: sizeAt(n) }),
    'take-control': () => said({ type: 'take-control' }),
    ack: (n) => said({ type: 'ack', offset: n }),
    ping: (n) => said({ type: 'ping', id: n }),
    input: () => said({ type: 'input', data: 'x' }),
    bytes: () => ({ opcode: 2, payload: Buffer.from('x') }),
  }
  for (const [what, message] of Object.entries(floods)) {
    it(`sends 20,000 messages of one kind, and nobody else notices: ${what}`, async () => {
      const memory = await memoryMiB()
      const { session: own } = await gateway.open('local/web', { who: 'mallory' })
      const headers = {
        Authorization: `Bearer ${await gateway.token('mallory')}`,
        'X-Forwarded-For': attacker.address(),
      }
      const hostile = await RawWebSocket.open(gateway.url, `/api/v1/sessions/${own.id}/terminal`, headers)
      for (let sent = 0; sent < 20_000 && hostile.socket.writable; sent += 5_000) {
        const burst = Buffer.concat(Array.from({ length: 5_000 }, (_, n) => frame(message(n))))
        const written = new Promise((resolve) => hostile.socket.write(burst, resolve))
        await Promise.race([written, hostile.closed])
        await assertServesOthers(`a flood of ${what}`)
      }
      hostile.socket.destroy()
      await gateway.api('DELETE', `/sessions/${own.id}`, undefined, 'mallory')
      const controlled = await gateway.api<AuditList>('GET', `/audit?session=${own.id}&kind=controlled`)
      assert.ok(controlled.items.length < 20, String(controlled.items.length))
      assert.ok((await memoryMiB()) - memory < 120, `${memory} grew to ${await memoryMiB()} MiB`)
    })
  }

  it('opens many connections to one session, and is told how many it may have', async () => {
    const { session: own } = await gateway.open('local/web', { who: 'mallory' })
    // As controllers they would send each other away.
    const path = `/api/v1/sessions/${own.id}/terminal?role=observer`
    const open = async () => {
      const headers = {
        Authorization: `Bearer ${await gateway.token('mallory')}`,
        'X-Forwarded-For': attacker.address(),
      }
      return RawWebSocket.open(gateway.url, path, headers)
    }
    const attempts = await Promise.allSettled(Array.from({ length: 60 }, open))
    await assert.rejects(open(), /429/)
    await eventually(async () => {
      const answer = await gateway.fetch('GET', `/sessions/${own.id}`, undefined, 'mallory')
      const { viewers } = (await answer.json()) as Session
      assert.equal(viewers?.length, 16)
    })
    await assertServesOthers('many connections')
    for (const attempt of attempts) if (attempt.status === 'fulfilled') attempt.value.socket.destroy()
  })
})
