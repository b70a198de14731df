import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Target } from '../../server/core/target.ts'
import { pageTargets } from '../../server/gateway/page-targets.ts'
import type { TargetSort } from '../../server/protocol/target-api.ts'

const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute))

const container = (name: string, change: Partial<Target> = {}): Target => ({
  ref: { kind: 'docker', environment: 'local', container: name },
  id: name,
  name,
  image: 'web:1',
  state: 'running',
  status: 'Up',
  createdAt: at(0),
  labels: {},
  ports: [],
  warnings: [],
  ...change,
})
const pod = (namespace: string, name: string, restarts: number, node: string): Target =>
  container(name, {
    ref: { kind: 'kubernetes', environment: 'prod', namespace, workload: 'pod', name },
    node,
    cluster: { names: [`pod/${name}`], containers: [], restarts },
  })

const environments = ['prod', 'local']
const targets: readonly Target[] = [
  container('c', { image: 'a:1', startedAt: at(9) }),
  container('a', { image: 'c:1', startedAt: at(3) }),
  container('b', { image: 'b:1', createdAt: at(5), state: 'restarting' }),
  pod('shop', 'web', 4, 'node-2'),
  pod('auth', 'web', 0, 'node-1'),
]

/** All of it, page by page. */
function walk(sort: TargetSort | undefined, limit: number): string[] {
  const names: string[] = []
  let cursor: string | undefined
  do {
    const page = pageTargets(targets, environments, {
      limit,
      ...(cursor === undefined ? {} : { cursor }),
      ...(sort === undefined ? {} : { sort }),
    })
    assert.ok(page.items.length <= limit)
    names.push(
      ...page.items.map(({ ref, name }) => (ref.kind === 'docker' ? name : `${ref.namespace}/${name}`)),
    )
    cursor = page.next
  } while (cursor !== undefined)
  return names
}

describe('a list of targets in pages', () => {
  for (const [sort, names] of [
    [undefined, ['b', 'auth/web', 'shop/web', 'a', 'c']],
    ['name', ['a', 'auth/web', 'b', 'c', 'shop/web']],
    ['-name', ['shop/web', 'c', 'b', 'auth/web', 'a']],
    ['image', ['c', 'b', 'a', 'auth/web', 'shop/web']],
    ['node', ['b', 'a', 'c', 'auth/web', 'shop/web']],
    ['-node', ['shop/web', 'auth/web', 'b', 'a', 'c']],
    ['-environment', ['auth/web', 'shop/web', 'b', 'a', 'c']],
    ['-restarts', ['shop/web', 'b', 'auth/web', 'a', 'c']],
    ['age', ['c', 'b', 'a', 'auth/web', 'shop/web']],
    ['-age', ['auth/web', 'shop/web', 'a', 'b', 'c']],
  ] as const) {
    it(`comes in the same order whatever the pages' size: ${sort ?? 'unsorted'}`, () => {
      for (const limit of [1, 2, 3, 5, 200]) assert.deepEqual(walk(sort, limit), names, `pages of ${limit}`)
    })
  }

  it('goes on behind what has gone meanwhile', () => {
    const { next } = pageTargets(targets, environments, { limit: 2, sort: 'name' })
    assert.ok(next !== undefined)
    const rest = targets.filter(({ name }) => name !== 'a')
    const page = pageTargets(rest, environments, { limit: 9, sort: 'name', cursor: next })
    assert.deepEqual(
      page.items.map(({ id }) => id),
      ['b', 'c', 'web'],
    )
  })

  it('refuses a cursor of another order, and what is none', () => {
    const { next } = pageTargets(targets, environments, { limit: 2, sort: 'name' })
    assert.ok(next !== undefined)
    const json = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const [cursor, sort] of [
      [next, '-name'],
      [next, undefined],
      ['', 'name'],
      [json(['name', null, 1, 'a', 'b', 'c', 'd']), 'name'],
      [json(['name', 'a', 1, 'a', 'b', 'c']), 'name'],
      [json('name'), 'name'],
    ] as const) {
      assert.throws(
        () =>
          pageTargets(targets, environments, { limit: 2, cursor, ...(sort === undefined ? {} : { sort }) }),
        { code: 'invalid_request' },
        cursor,
      )
    }
  })
})
