import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import type { WebSocket } from 'ws'
import { TerminalViewer } from '../../server/http/terminal-viewer.ts'
import { closeCodes } from '../../server/protocol/terminal.ts'
import type { ViewerHandle } from '../../server/sessions/sessions.ts'

/** A socket that says what it was told, and whatever it is told to say. */
class Peer extends EventEmitter {
  readonly OPEN = 1
  readyState = 1
  bufferedAmount = 0
  isRead = true
  closed: number | undefined
  readonly pongs: unknown[] = []
  pause(): void {
    this.isRead = false
  }
  resume(): void {
    this.isRead = true
  }
  pong(data: unknown): void {
    this.pongs.push(data)
  }
  close(code: number): void {
    this.closed = code
  }
  terminate(): void {
    this.readyState = 3
  }
}

async function enter() {
  const peer = new Peer()
  const seen: string[] = []
  const handle: ViewerHandle = {
    input: () => void seen.push('input'),
    control: ({ type }) => void seen.push(type),
    leave: () => undefined,
  }
  await new TerminalViewer(peer as unknown as WebSocket).enter(async () => handle)
  return { peer, seen }
}

describe('a peer that sends without end', () => {
  for (const [what, bytes, isBinary] of [
    ['bytes', 'x', true],
    ['acknowledgements', '{"type":"ack","offset":1}', false],
  ] as const) {
    it(`is not read for a while, and loses nothing: ${what}`, async () => {
      const { peer, seen } = await enter()
      assert.equal(peer.isRead, true)
      let sent = 0
      for (; sent < 100_000 && peer.isRead; sent++) peer.emit('message', Buffer.from(bytes), isBinary)
      assert.ok(sent < 100_000)
      assert.equal(seen.length, sent)
    })
  }

  for (const [what, ping] of [
    ['pings', (peer: Peer) => peer.emit('ping', Buffer.from('x'))],
    ['questions', (peer: Peer) => peer.emit('message', Buffer.from('{"type":"ping","id":1}'), false)],
  ] as const) {
    it(`is sent away, and answered no more: ${what}`, async () => {
      const { peer, seen } = await enter()
      for (let n = 0; n < 500; n++) ping(peer)
      assert.equal(peer.closed, closeCodes.tooSlow)
      assert.ok(peer.pongs.length + seen.length < 500)
    })
  }
})
