import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Session, SessionList } from '../../server/protocol/session-api.ts'
import { TestGateway } from '../support/gateway.ts'

const policy = `
rules:
  - {name: everybody for themselves, who: {everyone: true}, actions: [list, open], effect: allow}
  - {name: house, who: {subjects: [jane]}, actions: [watch, terminate], effect: allow}
`
let gateway: TestGateway
const hidden: Session[] = []
const own: Session[] = []

before(async () => {
  gateway = await TestGateway.start({ scripted: true, policy, config: { limits: { sessionsPerUser: 100 } } })
  const open = (who: string, reason: string) =>
    gateway.api<Session>('POST', '/sessions', { target: `local/of-${who}`, reason }, who)
  own.push(await open('eve', 'first'))
  for (let n = 0; n < 30; n++) hidden.push(await open('jane', 'the merger with Example Corp'))
  own.push(await open('eve', 'second'))
  for (let n = 0; n < 15; n++) hidden.push(await open('jane', 'the merger with Example Corp'))
})
after(() => gateway.stop())

const list = (query: string, who = 'eve') =>
  gateway.api<SessionList>('GET', `/sessions?${query}`, undefined, who)

describe('the pages of a list', () => {
  it('tell nothing of the sessions between: neither by their end nor by where they go on', async () => {
    for (const limit of [1, 2, 3, 200]) {
      const seen: string[] = []
      let cursor = ''
      for (let page = 0; page < 10; page++) {
        const { items, next } = await list(`limit=${limit}${cursor}`)
        seen.push(...items.map(({ id }) => id))
        if (next === undefined) break
        assert.equal(items.length, limit, 'a page that goes on is full')
        const place = Buffer.from(next, 'base64url').toString()
        assert.ok(!hidden.some(({ id }) => place.includes(id)), place)
        cursor = `&cursor=${next}`
      }
      assert.deepEqual(seen, [own[1]?.id, own[0]?.id], `by ${limit}`)
    }
  })

  it('answer no question about them: filters and made-up places lead to nothing', async () => {
    const place = (time: number, id = '') => Buffer.from(JSON.stringify([time, id])).toString('base64url')
    const times = hidden.map(({ requestedAt }) => Date.parse(requestedAt))
    for (const query of [
      'q=merger',
      'user=jane',
      'target=local/of-jane',
      'state=running&user=jane',
      `from=${hidden[0]?.requestedAt}&user=jane`,
      ...times.slice(0, 10).map((time) => `user=jane&cursor=${place(time + 1)}`),
      ...hidden.slice(-5).map(({ id }, n) => `user=jane&cursor=${place(times.at(n - 5) ?? 0, id)}`),
    ]) {
      for (const limit of [1, 5, 200])
        assert.deepEqual(await list(`limit=${limit}&${query}`), { items: [] }, query)
    }
  })

  it('go on for those who may see', async () => {
    const seen: string[] = []
    let cursor = ''
    do {
      const { items, next } = await list(`limit=7${cursor}`, 'jane')
      seen.push(...items.map(({ id }) => id))
      cursor = next === undefined ? '' : `&cursor=${next}`
    } while (cursor !== '')
    assert.equal(new Set(seen).size, seen.length)
    assert.equal(seen.length, hidden.length + own.length)
  })
})
