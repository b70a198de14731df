import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { environmentManager, InfiniteQueryObserver, QueryClient } from '@tanstack/react-query'
import type { SessionList } from '../../server/protocol/session-api.ts'
import { sessionListOptions } from '../../web/lib/queries.ts'

const minutes = 5

/** How many requests an open list of sessions sends in {@link minutes} when this many of its pages are open. */
async function requestsOf(pages: number): Promise<number> {
  let asked = 0
  const client = new QueryClient()
  const observer = new InfiniteQueryObserver(client, {
    ...sessionListOptions({}),
    queryFn: ({ pageParam }): Promise<SessionList> => {
      asked += 1
      return Promise.resolve({ items: [], next: String(Number(pageParam ?? 0) + 1) })
    },
  })
  const leave = observer.subscribe(() => undefined)
  await setImmediate()
  for (let page = 1; page < pages; page++) await observer.fetchNextPage()
  assert.equal(asked, pages)
  asked = 0
  for (let second = 0; second < minutes * 60; second++) {
    mock.timers.tick(1000)
    await setImmediate()
  }
  leave()
  client.clear()
  return asked
}

describe('an open list of sessions', () => {
  // The library asks nothing again on a server, for which it takes everything without a window.
  beforeEach(() => {
    environmentManager.setIsServer(() => false)
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
  })
  afterEach(() => mock.timers.reset())

  it('asks every five seconds, and no more in a minute however many pages are open', async () => {
    assert.equal(await requestsOf(1), 12 * minutes)
    assert.equal(await requestsOf(30), 12 * minutes)
  })
})
