import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import type { PersonId } from '../../server/core/same-person.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { toText } from '../../server/evidence/convert.ts'
import { ThreadLine } from '../../server/evidence/thread-line.ts'
import { eventually } from '../support/eventually.ts'
import { startHttpGateway, type HttpGateway } from '../support/http-gateway.ts'

const full = new ThreadLine({
  threads: 0,
  maxWaiting: 0,
  maxWaitingEach: 1,
  waitMs: 60_000,
  what: 'Recordings are being converted',
})

/** A session with a recording, and a reader of it. */
async function recorded(gateway: HttpGateway) {
  const token = await gateway.issuer.token('reader')
  const body = JSON.stringify({ target: 'local/web-1' })
  const answer = await gateway.call('/api/v1/sessions', token, { method: 'POST', body })
  const { id } = (await answer.json()) as Session
  await eventually(async () => (await gateway.call(`/api/v1/sessions/${id}/recording`, token)).ok, {
    what: 'the recording',
  })
  return {
    get: (path: string, init: RequestInit = {}) =>
      gateway.call(`/api/v1/sessions/${id}/${path}`, token, init),
  }
}

describe('what is made of a recording', () => {
  it('says when to come back where too many ask for it', async (t) => {
    const gateway = await startHttpGateway(t, {
      change: () => ({
        convertRecording: (stored) => toText(stored, { line: full }),
        verifyRecording: async (_row, _who, signal) => {
          await full.take('', signal)
          throw new Error('not refused')
        },
      }),
    })
    const { get } = await recorded(gateway)
    for (const path of ['recording?format=text', 'verification']) {
      const answer = await get(path)
      const { code } = (await answer.json()) as { code: string }
      assert.deepEqual(
        [answer.status, code, answer.headers.get('retry-after')],
        [429, 'too_many_requests', '10'],
        path,
      )
    }
  })

  it('is verified for a person, until they go away', async (t) => {
    const asked = Promise.withResolvers<{ who: PersonId; signal: AbortSignal }>()
    const gateway = await startHttpGateway(t, {
      change: () => ({
        verifyRecording: async (_row, who, signal) => {
          asked.resolve({ who, signal })
          await once(signal, 'abort')
          throw new Error('gone')
        },
      }),
    })
    const { get } = await recorded(gateway)
    const away = new AbortController()
    const answer = get('verification', { signal: away.signal }).catch(() => 'away')
    const { who, signal } = await asked.promise
    assert.equal(who.subject, 'reader')
    away.abort()
    if (!signal.aborted) await once(signal, 'abort')
    assert.equal(await answer, 'away')
  })

  it('leaves the line when its reader goes away before its turn', async (t) => {
    const line = new ThreadLine({
      threads: 0,
      maxWaiting: 9,
      maxWaitingEach: 9,
      waitMs: 60_000,
      what: 'Read',
    })
    const source = Readable.from(['x'])
    const asked = Promise.withResolvers<void>()
    const gateway = await startHttpGateway(t, {
      change: () => ({
        convertRecording: () => {
          asked.resolve()
          return toText(source, { line })
        },
      }),
    })
    const { get } = await recorded(gateway)
    const away = new AbortController()
    const answer = get('recording?format=text', { signal: away.signal }).catch(() => 'away')
    await asked.promise
    away.abort()
    if (!source.closed) await once(source, 'close')
    assert.equal(await answer, 'away')
    assert.equal(line.waiting, 0)
  })
})
