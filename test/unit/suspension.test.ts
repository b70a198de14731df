/** A process that was stopped for a while says so where its output would look as if nothing had been. */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { watchForSuspension } from '../../server/sessions/life/suspension.ts'
import { sessionGround } from '../support/session-ground.ts'
import { TerminalPeer } from '../support/terminal-peer.ts'

describe('a gateway that was suspended', () => {
  it('notices how long, and neither a late turn nor a clock that is set back', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const seen: number[] = []
    const stop = new AbortController()
    let now = 1_000_000
    watchForSuspension(
      (seconds) => seen.push(seconds),
      stop.signal,
      () => now,
    )
    const passes = (ms: number) => {
      now += 1_000 + ms
      t.mock.timers.tick(1_000)
    }
    passes(0)
    passes(3_000)
    passes(-60_000)
    assert.deepEqual(seen, [])
    passes(42_000)
    passes(0)
    assert.deepEqual(seen, [42])
    stop.abort()
    passes(42_000)
    assert.deepEqual(seen, [42])
  })

  it('marks the recordings of what runs, and tells viewers of now and later', async (t) => {
    const ground = await sessionGround(t)
    const { session } = await ground.open()
    const peer = await TerminalPeer.join(session)
    ground.registry.suspended(42)
    const late = await TerminalPeer.join(session, { role: 'observer' })
    for (const { messages } of [peer, late]) {
      const said = messages.filter((message) => message.type === 'notice').map((message) => message.text)
      assert.match(said.join(), /suspended for 42 s/)
    }
    assert.match(await text(await ground.recordings.read(session.row.id, undefined)), /suspended for 42 s/)
  })
})
