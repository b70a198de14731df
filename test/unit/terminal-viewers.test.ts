/** What viewers may do to a session, to each other and to the gateway: in order, and no more often than it costs little. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import type { Principal } from '../../server/core/policy.ts'
import { flow } from '../../server/protocol/terminal.ts'
import { DirectoryRecordings } from '../../server/evidence/recordings.ts'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import { eventually } from '../support/eventually.ts'
import { jane, sessionGround, type SessionGround } from '../support/session-ground.ts'
import { TerminalPeer } from '../support/terminal-peer.ts'

const alex: Principal = { ...jane, subject: 'alex', name: 'Alex' }

const events = async ({ refusing }: SessionGround, id: string, kind: 'controlled' | 'viewed') =>
  (await refusing.store.listAudit({ sessionId: id, kinds: [kind], limit: 100 })).items

describe('control', () => {
  it('goes to one of two people who come at the same moment', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    const peers = await Promise.all([TerminalPeer.join(session), TerminalPeer.join(session, { who: alex })])
    assert.deepEqual(new Set(peers.map(({ role }) => role)), new Set(['controller', 'observer']))
    assert.deepEqual(
      peers.map(({ closed }) => closed),
      [undefined, undefined],
    )
    const roles = (await events(ground, session.row.id, 'viewed')).map(({ detail }) => detail?.['role'])
    assert.deepEqual(new Set(roles), new Set(['controller', 'observer']))
  })

  it('is asked for once at a time, and no more often than people do', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    await TerminalPeer.join(session)
    const asking = await TerminalPeer.join(session, { who: alex })
    for (let n = 0; n < 20_000; n++) asking.handle.control({ type: 'take-control' })
    await eventually(async () => (await events(ground, session.row.id, 'controlled')).length === 1)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal((await events(ground, session.row.id, 'controlled')).length, 1)
  })

  it('is not asked of a log that takes nothing any more often', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    await TerminalPeer.join(session)
    const asking = await TerminalPeer.join(session, { who: alex })
    ground.refusing.refuse('appendAudit')
    for (let n = 0; n < 200; n++) {
      asking.handle.control({ type: 'take-control' })
      await new Promise((resolve) => setImmediate(resolve))
    }
    const refused = () => ground.refusing.refused.filter((method) => method === 'appendAudit').length
    await eventually(() => refused() > 0)
    assert.ok(refused() < 50, String(refused()))
    ground.refusing.refuse()
  })

  it('is not given when that cannot be written down', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    const before = await TerminalPeer.join(session)
    const asking = await TerminalPeer.join(session, { who: alex })
    ground.refusing.refuse('appendAudit')
    asking.handle.control({ type: 'take-control' })
    await eventually(() => asking.messages.some(({ type }) => type === 'notice'))
    ground.refusing.refuse()
    assert.equal(before.closed, undefined)
    asking.handle.input(Buffer.from('mine'))
    assert.deepEqual(program.typed, [])
  })
})

describe('changes of size', () => {
  it('reach program and recording as the newest of what came at once', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    const peer = await TerminalPeer.join(session)
    for (let cols = 100; cols <= 900; cols++) {
      for (let rows = 20; rows < 60; rows++) peer.handle.control({ type: 'resize', size: { cols, rows } })
    }
    await eventually(() => program.sizes.at(-1)?.cols === 900)
    assert.ok(program.sizes.length < 20, String(program.sizes.length))
    const recorded = await text(await ground.recordings.read(session.row.id, undefined))
    assert.ok(recorded.split('"r"').length < 20)
    assert.match(recorded, /900x59/)
  })
})

describe('input that the program does not read', () => {
  it('keeps nobody from being read, and output flows on', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    const peer = await TerminalPeer.join(session)
    const observer = await TerminalPeer.join(session, { who: alex, role: 'observer' })
    program.reads = false
    for (let n = 0; n < 40; n++) peer.handle.input(Buffer.alloc(60_000, 'p'))
    assert.equal(peer.isPaused, true)
    assert.equal(observer.isPaused, false)
    // Output that it has to acknowledge: so it is read again.
    program.print('x'.repeat(flow.highWater))
    await eventually(() => peer.output.length >= flow.highWater)
    assert.equal(peer.isPaused, false)
    peer.handle.control({ type: 'ack', offset: flow.highWater })
    program.print('more')
    await eventually(() => peer.output.endsWith('more') && observer.output.endsWith('more'))
    assert.equal(peer.closed, undefined)
  })

  it('is dropped beyond a bound, and its sender is told once', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    const peer = await TerminalPeer.join(session)
    program.reads = false
    for (let n = 0; n < 400; n++) peer.handle.input(Buffer.alloc(60_000, 'p'))
    assert.ok(program.io.writableLength < 9 * 1024 * 1024, String(program.io.writableLength))
    assert.equal(peer.messages.filter((message) => message.type === 'notice').length, 1)
  })

  it('is forgotten with its stream: after a reattach what is typed arrives', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    const peer = await TerminalPeer.join(session)
    program.reads = false
    for (let n = 0; n < 20; n++) peer.handle.input(Buffer.alloc(60_000, 'p'))
    assert.equal(peer.isPaused, true)
    ground.host.faults.away = new Error('the engine is away')
    ground.host.containerOf(session.row.id)?.attached?.lose('the engine went away')
    await eventually(() => !peer.isPaused)
    ground.host.faults.away = undefined
    program.reads = true
    await eventually(() => {
      peer.handle.input(Buffer.from('here'))
      return program.typed.includes('here')
    })
  })

  it('may be sent as text', async (t) => {
    const ground = await sessionGround(t)
    const { session, program } = await ground.open()
    const peer = await TerminalPeer.join(session)
    peer.handle.control({ type: 'input', data: 'é\r' })
    await eventually(() => program.typed.join('') === 'é\r')
  })
})

describe('viewers', () => {
  it('are told of each other in few lists, however many come at once', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    const first = await TerminalPeer.join(session)
    const others = await Promise.all(
      Array.from({ length: 90 }, () => TerminalPeer.join(session, { who: alex, role: 'observer' })),
    )
    const lists = () => first.messages.filter((message) => message.type === 'viewers')
    await eventually(() => lists().at(-1)?.viewers.length === 91)
    assert.ok(lists().length < 45, String(lists().length))
    for (const other of others) other.handle.leave()
    await eventually(() => lists().at(-1)?.viewers.length === 1)
  })
})

describe('a strict recording that fails', () => {
  it('ends what is shown, also half a character that waits for its other half', async (t) => {
    const recordings = (directory: string) => {
      const real = new DirectoryRecordings({
        liveDir: join(directory, 'live'),
        blobs: new DirectoryBlobs(join(directory, 'blobs')),
      })
      const start = real.start.bind(real)
      real.start = async (header) => {
        const recorder = await start(header)
        recorder.resize = () => {
          throw new HatchwayError('recording_failed', 'The disk is full.')
        }
        return recorder
      }
      return real
    }
    const ground = await sessionGround(t, { recordings })
    const { session, program } = await ground.open()
    const peer = await TerminalPeer.join(session)
    const arrived = once(program.io, 'data')
    program.print(Buffer.from([0x61, 0xe2, 0x82]))
    await arrived
    peer.handle.control({ type: 'resize', size: { cols: 99, rows: 33 } })
    await eventually(() => session.ending)
    assert.equal(peer.output, 'a')
  })
})
