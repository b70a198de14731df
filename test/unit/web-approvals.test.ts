import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Session, SessionEnd } from '../../server/protocol/session-api.ts'
import type { Approval } from '../../server/protocol/approval-api.ts'
import {
  badgeCount,
  needInWords,
  needsInWords,
  requestEndInWords,
  tallyInWords,
} from '../../web/lib/approval-words.ts'

const leads = { rule: 'four eyes', groups: ['leads'], count: 1 }
const both = { rule: 'six eyes', groups: ['leads', 'security'], count: 2 }

describe('approvals in words', () => {
  it('say who has to approve, and how many', () => {
    assert.equal(needInWords(leads), 'one person of leads')
    assert.equal(needInWords(both), '2 people of leads or security')
    assert.equal(needsInWords([leads, both]), 'one person of leads and 2 people of leads or security')
  })

  it('say how far a request has come', () => {
    assert.equal(tallyInWords({ ...both, given: 1 }), '1 of 2 approvals from leads or security')
    assert.equal(tallyInWords({ ...leads, given: 0 }), '0 of 1 approval from leads')
  })

  it('keep the number in the top bar short', () => {
    assert.deepEqual([badgeCount(3), badgeCount(99), badgeCount(100)], ['3', '99', '99+'])
  })
})

describe('the end of a request', () => {
  const ended = (
    end: Omit<SessionEnd, 'code'>,
    outcome: Approval['outcome'],
    change: Partial<Session> = {},
  ) => {
    const approval = { outcome } as Approval
    return requestEndInWords({ approval, end, ...change } as Session)
  }

  it('is told from the end of a session', () => {
    assert.equal(
      ended({ reason: 'denied', by: { subject: 'lea', name: 'Lea' } }, 'denied'),
      'Request denied by Lea',
    )
    assert.equal(ended({ reason: 'expired' }, 'expired'), 'Request expired')
    assert.equal(
      ended({ reason: 'terminated', by: { subject: 'ada', name: 'Ada' } }, 'withdrawn'),
      'Request withdrawn',
    )
    // The socket tells of the end before the outcome is known.
    assert.equal(ended({ reason: 'denied' }, 'pending'), 'Request denied')
  })

  it('is nothing of the kind once it was approved, has run, or needed no approval', () => {
    assert.equal(ended({ reason: 'terminated' }, 'approved'), undefined)
    assert.equal(ended({ reason: 'expired' }, 'approved', { startedAt: '2026-01-02T03:04:05Z' }), undefined)
    assert.equal(requestEndInWords({ end: { reason: 'denied' } } as Session), undefined)
  })
})
