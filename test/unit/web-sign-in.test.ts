import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { returnPath } from '../../server/core/return-path.ts'
import { nextPath } from '../../web/lib/next-path.ts'
import { ApiError } from '../../web/lib/api-error.ts'
import { refusalOf } from '../../web/terminal/refusal.ts'
import { requestIdOf, signInProblem } from '../../web/pages/sign-in/sign-in-problems.ts'

/** What is followed, and where a sign-in may lead to from there. */
const followed: readonly (readonly [asked: string | undefined, next: string])[] = [
  [undefined, '/'],
  ['', '/'],
  ['/', '/'],
  [
    '/debug/prod/payments/api?reason=INC-1&run=heap#top',
    '/debug/prod/payments/api?reason=INC-1&run=heap#top',
  ],
  ['/debug/local/x?reason=%E2%82%AC%20%2F', '/debug/local/x?reason=%E2%82%AC%20%2F'],
  ['/a/../b', '/b'],
  ['/signed-in', '/signed-in'],
  ['https://evil.example/', '/'],
  ['//evil.example', '/'],
  ['/\\evil.example', '/'],
  ['/\t/evil.example', '/'],
  ['/.//evil.example', '/'],
  ['/x/..//evil.example', '/'],
  ['/%2e//evil.example', '/'],
  ['javascript:alert(1)', '/'],
  ['/\nset-cookie: a=b', '/'],
  ['/ümlaut', '/'],
  ['/signin?next=/x', '/'],
  ['/SignIn', '/'],
  ['/api/v1/auth/oidc/start', '/'],
  [`/${'a'.repeat(2000)}`, '/'],
]

describe('where a sign-in leads to', () => {
  for (const [asked, next] of followed) {
    it(`is the same to page and gateway: ${JSON.stringify(asked)?.slice(0, 60)}`, () => {
      assert.equal(nextPath(asked), next)
      assert.equal(returnPath(asked), next)
    })
  }
})

describe('a sign-in that came to nothing', () => {
  it('has words of its own for each code that the provider can cause', () => {
    const codes = [
      'sign_in_stale',
      'sign_in_mixed_up',
      'sign_in_denied',
      'groups_left_out',
      'provider_refused',
      'provider_answer_invalid',
      'clocks_differ',
      'provider_unavailable',
      'store_unavailable',
    ]
    const titles = codes.map((code) => signInProblem(code, 'Example SSO').title)
    assert.equal(new Set([...titles, signInProblem('anything', 'Example SSO').title]).size, codes.length + 1)
  })

  it('shows an id of the gateway, and nothing else that stands in its place', () => {
    const id = '0d0b3ff8-7a55-4f4c-8cf0-3d2a93a1a5b2'
    assert.equal(requestIdOf(id), id)
    for (const text of [null, '', 'call 555', '<b>', 'a'.repeat(65)])
      assert.equal(requestIdOf(text), undefined)
  })
})

describe('a terminal that is not let in', () => {
  const refused = (status: number, code: string) =>
    refusalOf(new ApiError({ status, code, title: 'x', detail: 'in words' }))

  it('asks for a sign-in only when there is none, and waits for a provider that is silent', () => {
    assert.deepEqual(refused(401, 'unauthenticated'), { kind: 'expired' })
    assert.deepEqual(refused(403, 'forbidden'), { kind: 'refused', detail: 'in words' })
    assert.deepEqual(refused(503, 'shutting_down'), { kind: 'retry' })
    assert.deepEqual(refusalOf(new Error('no network')), { kind: 'retry' })
    const silent = refused(503, 'provider_unavailable')
    assert.ok(silent.kind === 'retry' && silent.why?.includes('identity provider'))
  })
})
