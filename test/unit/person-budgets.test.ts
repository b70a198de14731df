import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PersonBudget } from '../../server/gateway/person-budgets.ts'

const ann = { subject: 'ann', issuer: 'a' }

describe('what one person may have done', () => {
  it('is so much in a minute, and says when to come back', () => {
    let now = 0
    const budget = new PersonBudget(2, 'runs asked for', () => now)
    const spend = (who = ann) => budget.spend(who)
    spend()
    now = 20_000
    spend()
    const refused = {
      code: 'too_many_requests',
      message: /^More than 2 runs asked for in a minute .* 40 seconds/,
    }
    assert.throws(() => spend(), { ...refused, retryAfterSeconds: 40 })
    // The same subject of another issuer is somebody else.
    spend({ subject: 'ann', issuer: 'b' })
    now = 60_000
    spend()
  })
})
