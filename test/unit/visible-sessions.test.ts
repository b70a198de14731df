import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { SessionRow } from '../../server/core/session.ts'
import type { ListOptions } from '../../server/core/page.ts'
import type { Store } from '../../server/core/store.ts'
import { listVisibleSessions } from '../../server/gateway/visible-sessions.ts'
import { policyFromText } from '../../server/policy/compile-policy.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import { sessionRow } from '../contract/store-rows.ts'

const policy = policyFromText(`
rules:
  - {name: fronts, who: {groups: [front]}, actions: [watch], where: {environments: ["prod*"], targets: ["Front_?", "pod/front-*"]}, effect: allow}
  - {name: shop, who: {groups: [shop]}, actions: [terminate], where: {namespaces: [shop]}, effect: allow}
  - {name: not the last, who: {everyone: true}, actions: [watch], where: {targets: [front_9]}, effect: deny}
`).at(new Date())

type Deps = Parameters<typeof listVisibleSessions>[0]

let directory: string
let store: Store
let rowsRead = 0
const people = { issuer: 'https://a', expiresAt: new Date(Date.now() + 60_000), name: 'x' }

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hatchway-visible-'))
  store = await openSqliteStore({ path: join(directory, 'hatchway.db') })
  const add = async (
    id: string,
    environment: string,
    name: string,
    more: Partial<SessionRow['target']> = {},
  ) => {
    const row = sessionRow(id)
    const user = { subject: 'owner', name: 'o', groups: [], issuer: 'https://a' }
    const target = { ...row.target, environment, name, ref: `${environment}/${name}`, ...more }
    await store.createSession({ ...row, user, target })
  }
  for (let n = 0; n < 10; n++) await add(`a${n}`, 'prod-1', `Front_${n}`)
  for (let n = 0; n < 3; n++) await add(`b${n}`, 'test', `Front_${n}`)
  await add('c', 'prod-2', 'front-x1', { namespace: 'shop', names: ['deployment/front', 'pod/front-x1'] })
  await add('d', 'prod-2', 'FrontX1', { namespace: 'other', names: ['pod/back'] })
  const row = sessionRow('e')
  await store.createSession({ ...row, user: { ...row.user, subject: 'eve', issuer: 'https://b' } })
})
after(async () => {
  await store.close()
  await rm(directory, { recursive: true })
})

/** What they see, by pages, and how many pages of the store were looked through for it. */
async function seen(subject: string, groups: string[], issuer = 'https://a') {
  const who = { ...people, subject, groups, issuer }
  let pages = 0
  rowsRead = 0
  const counting = {
    listSessions: async (...asked: Parameters<Store['listSessions']>) => {
      const page = await store.listSessions(...asked)
      rowsRead += page.items.length
      return page
    },
  }
  const sessions = { ended: () => undefined, owesEnds: false }
  const deps = { policy: () => policy, sessions, store: counting } as unknown as Deps
  const { items } = await listVisibleSessions(deps, who, { limit: 100 }, () => void pages++)
  return { ids: items.map(({ id }) => id).toSorted(), pages }
}

describe('the sessions that somebody may see', () => {
  it('are all that policy shows, and no other is read where it could show none', async () => {
    assert.deepEqual(await seen('stranger', []), { ids: [], pages: 1 })
    assert.equal(rowsRead, 0)
    assert.deepEqual((await seen('eve', [], 'https://b')).ids, ['e'])
    assert.equal(rowsRead, 1)
    const fronts = Array.from({ length: 10 }, (_, n) => `a${n}`)
    assert.deepEqual((await seen('f', ['front'])).ids, [...fronts, 'c'])
    assert.equal(rowsRead, 11)
    assert.deepEqual((await seen('s', ['shop'])).ids, ['c'])
    assert.deepEqual((await seen('owner', [])).ids.length, 15)
  })

  it('are among those that have ended when the store does not say so yet', async () => {
    const over = { ...(await store.getSession('a3')), state: 'ended' } as SessionRow
    const asked = async (owed: SessionRow | undefined) => {
      const sessions = {
        ended: (id: string) => (id === owed?.id ? owed : undefined),
        owesEnds: owed !== undefined,
      }
      const deps = { policy: () => policy, sessions, store } as unknown as Deps
      const who = { ...people, subject: 'owner', groups: [] }
      const { items } = await listVisibleSessions(
        deps,
        who,
        { states: ['ended'], limit: 100 },
        () => undefined,
      )
      return items.map(({ id }) => id)
    }
    assert.deepEqual(await asked(undefined), [])
    assert.deepEqual(await asked(over), ['a3'])
  })

  it('are nobody’s own by the subject alone', async () => {
    assert.deepEqual((await seen('eve', [], 'https://a')).ids, [])
  })

  it('are counted by each piece that is looked through, until whoever asks has left', async () => {
    const away = new AbortController()
    const refused = new Error('enough')
    let spent = 0
    const searching = {
      listSessions: async (_query: unknown, { goOn, signal }: ListOptions = {}) => {
        assert.equal(signal, away.signal)
        for (let piece = 0; piece < 9; piece++) goOn?.()
        return { items: [] }
      },
    }
    const sessions = { ended: () => undefined, owesEnds: false }
    const deps = { policy: () => policy, sessions, store: searching } as unknown as Deps
    const who = { ...people, subject: 'owner', groups: [] }
    const list = (most: number) =>
      listVisibleSessions(
        deps,
        who,
        { q: 'x', limit: 100 },
        () => {
          if (++spent > most) throw refused
        },
        away.signal,
      )
    await list(100)
    assert.equal(spent, 10)
    await assert.rejects(list(15), refused)
  })
})
