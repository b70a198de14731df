import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ThreadLine, type ThreadPlace } from '../../server/evidence/thread-line.ts'

const options = {
  threads: 1,
  maxWaiting: 4,
  maxWaitingEach: 3,
  waitMs: 60_000,
  what: 'Things are being read',
}
const never = new AbortController().signal
const refused = { code: 'too_many_requests' }

/** Everybody in the order in which they got a thread; each holds it until `give`. */
function queue(line: ThreadLine) {
  const order: string[] = []
  const held: ThreadPlace[] = []
  return {
    order,
    ask: async (who: string, signal = never) => {
      held.push(await line.take(who, signal))
      order.push(who)
    },
    give: async () => {
      held.shift()?.give()
      // Whoever gets it next hears of it in a microtask.
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

describe('the line for a thread', () => {
  it('takes people in turns, however much one of them asks for', async () => {
    const { order, ask, give } = queue(new ThreadLine(options))
    await ask('ann')
    const asked = [ask('ann'), ask('ann'), ask('bob'), ask('cem')]
    for (let turn = 0; turn < 5; turn++) await give()
    await Promise.all(asked)
    assert.deepEqual(order, ['ann', 'bob', 'cem', 'ann', 'ann'])
  })

  it('gives one person one thread at a time', async () => {
    const line = new ThreadLine({ ...options, threads: 2 })
    const { order, ask, give } = queue(line)
    const asked = [ask('ann'), ask('ann')]
    await asked[0]
    assert.equal(line.waiting, 1)
    await ask('bob')
    assert.deepEqual(order, ['ann', 'bob'])
    await give()
    await Promise.all(asked)
    assert.deepEqual(order, ['ann', 'bob', 'ann'])
  })

  it('refuses what is too much, of one person and of all', async () => {
    const { ask, give } = queue(new ThreadLine(options))
    await ask('ann')
    const waiting = Array.from({ length: 3 }, () => ask('ann'))
    await assert.rejects(ask('ann'), refused)
    waiting.push(ask('bob'))
    await assert.rejects(ask('cem'), refused)
    for (let turn = 0; turn < 4; turn++) await give()
    await Promise.all(waiting)
  })

  it('is left by whoever goes away, and by whoever has waited for too long', async () => {
    const line = new ThreadLine(options)
    const { order, ask, give } = queue(line)
    await ask('ann')
    const away = new AbortController()
    const gone = ask('bob', away.signal)
    const late = queue(new ThreadLine({ ...options, waitMs: 1 }))
    await late.ask('ann')
    away.abort()
    assert.equal(line.waiting, 0)
    await assert.rejects(gone, { code: 'cancelled' })
    await assert.rejects(ask('bob', away.signal), { code: 'cancelled' })
    await assert.rejects(late.ask('bob'), refused)
    await give()
    await ask('cem')
    assert.deepEqual(order, ['ann', 'cem'])
  })

  it('knows whether a thread is wanted by somebody who would get it', async () => {
    const line = new ThreadLine({ ...options, threads: 2 })
    const { ask, give } = queue(line)
    await ask('ann')
    await ask('bob')
    assert.equal(line.isWanted('ann'), false)
    const asked = ask('ann')
    assert.deepEqual([line.isWanted('ann'), line.isWanted('bob')], [true, false])
    const third = ask('cem')
    assert.deepEqual([line.isWanted('ann'), line.isWanted('bob')], [true, true])
    await give()
    await third
    await give()
    await asked
  })
})
