import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resourcePath } from '../../server/targets/kubernetes-client.ts'

describe('the path of a resource', () => {
  it('encodes every part', () => {
    assert.equal(
      resourcePath('/api/v1', 'a b', 'pods', '?x#&:', 'attach'),
      '/api/v1/namespaces/a%20b/pods/%3Fx%23%26%3A/attach',
    )
    assert.equal(resourcePath('/apis/apps/v1', undefined, 'deployments'), '/apis/apps/v1/deployments')
  })

  it('refuses parts that lead elsewhere', () => {
    for (const name of ['', '.', '..', 'web/exec', '../../secrets', '%2e%2e', 'a%2Fb'])
      assert.throws(() => resourcePath('/api/v1', 'shop', 'pods', name), { code: 'invalid_request' })
  })
})
