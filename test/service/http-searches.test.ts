import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import type { ListOptions } from '../../server/core/page.ts'
import { startHttpGateway } from '../support/http-gateway.ts'

const lists = ['/api/v1/sessions', '/api/v1/audit']

describe('what a list looks through', () => {
  it('is so much in a minute for one person', async (t) => {
    const search = async (_query: unknown, { goOn }: ListOptions = {}) => {
      for (let piece = 0; piece < 1000; piece++) goOn?.()
      return { items: [] }
    }
    for (const path of lists) {
      const gateway = await startHttpGateway(t, {
        change: ({ store }) => ({ store: Object.assign(store, { listSessions: search, listAudit: search }) }),
      })
      const ann = await gateway.issuer.token('ann')
      assert.equal((await gateway.call(`${path}?q=x`, ann)).status, 200)
      const refused = await gateway.call(`${path}?q=x`, ann)
      assert.equal(refused.status, 429)
      assert.match(refused.headers.get('retry-after') ?? '', /^[1-9][0-9]?$/)
      assert.equal((await gateway.call(`${path}?q=x`, await gateway.issuer.token('bob'))).status, 200)
    }
  })

  it('ends when whoever asked for it has left', async (t) => {
    let asked = Promise.withResolvers<AbortSignal>()
    const search = async (_query: unknown, { signal }: ListOptions = {}) => {
      assert.ok(signal)
      asked.resolve(signal)
      await once(signal, 'abort')
      throw new Error('gone')
    }
    const gateway = await startHttpGateway(t, {
      change: ({ store }) => ({ store: Object.assign(store, { listSessions: search, listAudit: search }) }),
    })
    const ann = await gateway.issuer.token('ann')
    for (const path of lists) {
      asked = Promise.withResolvers()
      const away = new AbortController()
      const answer = fetch(`${gateway.url}${path}?q=x`, {
        headers: { authorization: `Bearer ${ann}` },
        signal: away.signal,
      }).catch(() => 'away')
      const signal = await asked.promise
      away.abort()
      if (!signal.aborted) await once(signal, 'abort')
      assert.equal(await answer, 'away')
    }
  })
})
