import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { WebSocketServer, type WebSocket as ServerSocket } from 'ws'
import { closeCodes, flow, subprotocol, type ServerMessage } from '../../server/protocol/terminal.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import {
  TerminalConnection,
  type ConnectionState,
  type Refusal,
  type TerminalListener,
} from '../../web/terminal/terminal-connection.ts'
import { eventually } from '../support/eventually.ts'

const size = { cols: 80, rows: 24 }
const session = { id: 's1', viewers: [] } as unknown as Session
const hello = (
  offset = 0,
  change: Partial<Extract<ServerMessage, { type: 'hello' }>> = {},
): ServerMessage => ({
  type: 'hello',
  session,
  role: 'controller',
  offset,
  liveFrom: offset,
  size,
  ...change,
})

/** One accepted socket with what it has received. */
class Line {
  readonly socket: ServerSocket
  readonly url: URL
  readonly input: Buffer[] = []
  readonly messages: Record<string, unknown>[] = []

  constructor(socket: ServerSocket, path: string) {
    this.socket = socket
    this.url = new URL(path, 'http://gateway')
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.input.push(data)
      else this.messages.push(JSON.parse(data.toString()) as Record<string, unknown>)
    })
  }

  send(message: ServerMessage): void {
    this.socket.send(JSON.stringify(message))
  }
}

describe('terminal connection', () => {
  let http: Server
  let server: WebSocketServer
  let lines: Line[]
  let refuse: number | undefined
  let greet: (line: Line) => void
  let connection: TerminalConnection
  let states: ConnectionState[]
  let refusal: Refusal
  let drawn: string
  let undrawn: (() => void)[] | undefined
  let cleared: number

  const listener: TerminalListener = {
    onState: (state) => states.push(state),
    onMessage: () => undefined,
    onClear: () => {
      cleared++
      drawn = ''
    },
    onOutput: (part, done) => {
      drawn += Buffer.from(part.bytes).toString()
      if (undrawn === undefined) done()
      else undrawn.push(done)
    },
    onInputProgress: () => undefined,
  }
  const line = async (index: number): Promise<Line> => {
    await eventually(() => assert.ok(lines[index], `connection ${index + 1} was made`))
    return lines[index]!
  }
  const live = () => eventually(() => assert.equal(connection.state.kind, 'live'))
  const kinds = () => states.map((state) => state.kind)

  beforeEach(async () => {
    lines = []
    states = []
    refuse = undefined
    refusal = { kind: 'retry' }
    drawn = ''
    undrawn = undefined
    cleared = 0
    greet = (line) => line.send(hello(Number(line.url.searchParams.get('offset') ?? 0)))
    server = new WebSocketServer({ noServer: true, handleProtocols: () => subprotocol })
    http = createServer().listen(0, '127.0.0.1')
    http.on('upgrade', (request, socket, head) => {
      if (refuse !== undefined) {
        socket.end(`HTTP/1.1 ${refuse} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
        return
      }
      server.handleUpgrade(request, socket, head, (accepted) => {
        const next = new Line(accepted, request.url ?? '')
        lines.push(next)
        server.emit('connection', accepted, request)
        greet(next)
      })
    })
    await once(http, 'listening')
    const { port } = http.address() as AddressInfo
    connection = new TerminalConnection({
      url: `ws://127.0.0.1:${port}/api/v1/sessions/s1/terminal`,
      listener,
      explainRefusal: async () => refusal,
    })
  })

  afterEach(async () => {
    connection.close()
    for (const client of server.clients) client.terminate()
    server.close()
    http.close()
    await once(http, 'close')
  })

  it('speaks the subprotocol, shows output and sends input byte for byte', async () => {
    connection.connect()
    const { socket, input, url } = await line(0)
    await live()
    assert.equal(socket.protocol, subprotocol)
    assert.equal(url.search, '', 'the first connection asks for everything')
    socket.send(Buffer.from('prompt $ '))
    await eventually(() => assert.equal(drawn, 'prompt $ '))
    assert.equal(connection.send(Uint8Array.of(0x10, 0x00, 0xff)), true)
    await eventually(() => assert.deepEqual(Buffer.concat(input), Buffer.of(0x10, 0x00, 0xff)))
  })

  it('resumes where it was after a cut, without a byte lost or doubled', async () => {
    connection.connect()
    const first = await line(0)
    await live()
    undrawn = []
    first.socket.send(Buffer.from('hello '))
    await eventually(() => assert.equal(drawn, 'hello '))
    first.socket.terminate()
    const second = await line(1)
    // What came in counts, also while the terminal is still drawing it.
    assert.equal(second.url.searchParams.get('offset'), '6')
    await live()
    second.socket.send(Buffer.from('again'))
    await eventually(() => assert.equal(drawn, 'hello again'))
    assert.equal(cleared, 1, 'only the first greeting clears the screen')
  })

  it('acknowledges what was drawn, not what came in', async () => {
    undrawn = []
    connection.connect()
    const { socket, messages } = await line(0)
    await live()
    for (let sent = 0; sent < flow.highWater; sent += 8192) socket.send(Buffer.alloc(8192, 'y'))
    await eventually(() => assert.equal(drawn.length, flow.highWater))
    assert.deepEqual(messages, [])
    for (const done of undrawn) done()
    await eventually(() => assert.equal(messages.at(-1)?.['offset'], flow.highWater))
    assert.equal(messages.length, flow.highWater / flow.ackStep)
  })

  it('does not count a snapshot into its offset', async () => {
    greet = (line) => {
      line.send(hello(7_000_000))
      line.send({ type: 'reset', offset: 7_000_000, size, snapshotBytes: 6 })
      line.socket.send(Buffer.from('screen+live'))
    }
    connection.connect()
    await eventually(() => assert.equal(drawn, 'screen+live'))
    greet = () => undefined
    lines[0]!.socket.terminate()
    assert.equal((await line(1)).url.searchParams.get('offset'), '7000005')
  })

  it('does not queue input while there is no line', async () => {
    connection.connect()
    await live()
    greet = () => undefined
    lines[0]!.socket.terminate()
    const second = await line(1)
    assert.equal(connection.send(Buffer.from('rm -rf /\r')), false)
    second.send(hello(0))
    await live()
    connection.send(Buffer.from('x'))
    await eventually(() => assert.equal(Buffer.concat(second.input).toString(), 'x'))
  })

  it('sends a megabyte in frames that the server accepts, in order', async () => {
    connection.connect()
    const { input } = await line(0)
    await live()
    const megabyte = Buffer.alloc(1_000_000)
    for (let at = 0; at < megabyte.length; at++) megabyte[at] = at % 251
    connection.send(megabyte)
    await eventually(() => assert.equal(Buffer.concat(input).length, megabyte.length))
    assert.ok(Buffer.concat(input).equals(megabyte))
    assert.ok(Math.max(...input.map((frame) => frame.length)) <= flow.maxFrame)
  })

  it('stops a large input at once when it is cancelled', async () => {
    connection.connect()
    const { socket, input } = await line(0)
    await live()
    socket.pause()
    connection.send(Buffer.alloc(16_000_000, 'p'))
    const dropped = connection.cancelInput()
    assert.ok(dropped > 0)
    socket.resume()
    connection.send(Buffer.of(3))
    await eventually(() => assert.equal(Buffer.concat(input).at(-1), 3))
    assert.equal(Buffer.concat(input).length, 16_000_000 - dropped + 1)
  })

  for (const code of [1001, 1011, closeCodes.restart, closeCodes.tooSlow]) {
    it(`comes back after ${code}`, async () => {
      connection.connect()
      await live()
      lines[0]!.socket.close(code)
      await line(1)
      assert.ok(kinds().includes('retrying'))
    })
  }

  for (const [code, kind] of [
    [closeCodes.ended, 'ended'],
    [closeCodes.expired, 'expired'],
    [closeCodes.controlTaken, 'control-taken'],
    [closeCodes.revoked, 'refused'],
    [closeCodes.badRequest, 'refused'],
    [1000, 'refused'],
  ] as const) {
    it(`stays away after ${code}: ${kind}`, async () => {
      connection.connect()
      await live()
      lines[0]!.socket.close(code)
      await eventually(() => assert.equal(connection.state.kind, kind))
      assert.ok(!kinds().includes('retrying'))
    })
  }

  it('names who took control, and takes it back when told to', async () => {
    connection.connect()
    const first = await line(0)
    await live()
    const other = { id: 'v2', subject: 'grace', name: 'Grace', role: 'controller' } as const
    first.send({ type: 'viewers', viewers: [other], self: 'v1' })
    first.socket.close(closeCodes.controlTaken)
    await eventually(() => assert.deepEqual(connection.state, { kind: 'control-taken', by: 'Grace' }))
    greet = (line) => line.send(hello(0, { role: 'observer' }))
    connection.connect({ role: 'controller', take: true })
    const second = await line(1)
    await eventually(() => assert.deepEqual(second.messages, [{ type: 'take-control' }]))
  })

  it('asks why a handshake was refused, because browsers do not tell', async () => {
    refuse = 401
    refusal = { kind: 'expired' }
    connection.connect()
    await eventually(() => assert.equal(connection.state.kind, 'expired'))
    refuse = undefined
    connection.connect()
    await live()
  })

  it('keeps trying while the gateway is away', async () => {
    refuse = 503
    connection.connect()
    await eventually(() => assert.ok(kinds().filter((kind) => kind === 'retrying').length >= 3))
    refuse = undefined
    await live()
  })

  it('makes a new line at once when the network is back', async () => {
    refuse = 503
    connection.connect()
    // Late enough in the backoff that a fast return is not luck.
    await eventually(() => assert.ok(states.some((state) => state.kind === 'retrying' && state.attempt >= 5)))
    await eventually(() => assert.equal(connection.state.kind, 'retrying'))
    refuse = undefined
    connection.probe()
    assert.equal(connection.state.kind, 'connecting')
    await live()
  })

  it('gives a silent line up five seconds after a ping, and makes a new one', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    const accepted = once(server, 'connection') as Promise<[ServerSocket]>
    connection.connect()
    // The clock stands still, so only events are waited for here.
    const [socket] = await accepted
    while (connection.state.kind !== 'live') await new Promise((resolve) => setImmediate(resolve))
    const pinged = once(socket, 'message')
    context.mock.timers.tick(15_000)
    assert.equal(String((await pinged)[0]), '{"type":"ping","id":1}')
    context.mock.timers.tick(4_999)
    assert.equal(connection.state.kind, 'live')
    context.mock.timers.tick(1)
    assert.equal(connection.state.kind, 'retrying')
    const again = once(server, 'connection')
    context.mock.timers.tick(100)
    await again
  })

  it('gives a line up within four seconds on which nothing answers what is typed', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    const accepted = once(server, 'connection') as Promise<[ServerSocket]>
    connection.connect()
    const [socket] = await accepted
    while (connection.state.kind !== 'live') await new Promise((resolve) => setImmediate(resolve))
    const typed = once(socket, 'message')
    connection.send(Buffer.from('l'))
    await typed
    const pinged = once(socket, 'message')
    context.mock.timers.tick(1_000)
    assert.equal(String((await pinged)[0]), '{"type":"ping","id":1}')
    context.mock.timers.tick(2_999)
    assert.equal(connection.state.kind, 'live')
    context.mock.timers.tick(1)
    assert.equal(connection.state.kind, 'retrying')
  })

  it('sends its size when it is in control, and not again while it is the same', async () => {
    connection.resize({ cols: 100, rows: 30 })
    connection.connect()
    const { messages } = await line(0)
    await live()
    connection.resize({ cols: 100, rows: 30 })
    connection.resize({ cols: 101, rows: 30 })
    await eventually(() => assert.equal(messages.length, 2))
    assert.deepEqual(messages, [
      { type: 'resize', size: { cols: 100, rows: 30 } },
      { type: 'resize', size: { cols: 101, rows: 30 } },
    ])
  })

  it('sends neither input nor size as an observer', async () => {
    greet = (line) => line.send(hello(0, { role: 'observer' }))
    connection.resize({ cols: 100, rows: 30 })
    connection.connect({ role: 'observer' })
    const { messages, url } = await line(0)
    await live()
    assert.equal(url.searchParams.get('role'), 'observer')
    assert.equal(connection.send(Buffer.from('x')), false)
    connection.probe()
    await eventually(() => assert.deepEqual(messages, [{ type: 'ping', id: 1 }]))
  })
})
