import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startHttpGateway } from '../support/http-doubles.ts'

describe('who calls', () => {
  it('says who a bearer is', async (t) => {
    const gateway = await startHttpGateway(t)
    const answer = await gateway.call('/api/v1/me', await gateway.issuer.token('ann', { groups: ['sre'] }))
    assert.equal(answer.status, 200)
    const me = (await answer.json()) as Record<string, unknown>
    assert.equal(me['subject'], 'ann')
  })
})
