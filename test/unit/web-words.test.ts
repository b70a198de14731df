import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endCodes } from '../../server/core/session-end.ts'
import type { SessionEnd } from '../../server/protocol/api.ts'
import { endInWords } from '../../web/words.ts'

describe('the end of a session in words', () => {
  it('tells ends of one reason apart by their codes', () => {
    const pairs = [
      [{ reason: 'idle', code: 'idle_timeout' }, 'Idle for too long'],
      [{ reason: 'idle', code: 'nobody_connected' }, 'Nobody was connected for too long'],
      [{ reason: 'expired', code: 'max_duration' }, 'Time limit reached'],
      [{ reason: 'expired', code: 'approval_expired' }, 'Request expired'],
      [{ reason: 'denied', code: 'forbidden' }, 'Denied'],
      [{ reason: 'denied', code: 'policy_changed' }, 'Policy no longer allows it'],
      [{ reason: 'terminated', code: 'terminated' }, 'Terminated'],
      [{ reason: 'terminated', code: 'withdrawn' }, 'Withdrawn'],
    ] as const
    for (const [end, words] of pairs) {
      assert.ok(endCodes.includes(end.code))
      assert.equal(endInWords(end), words)
    }
    assert.equal(new Set(pairs.map(([, words]) => words)).size, pairs.length)
  })

  it('names who did it, and a code that is not 0', () => {
    const ada = { subject: 'ada', name: 'Ada' }
    const end = (change: Partial<SessionEnd>) => endInWords({ reason: 'exit', code: 'exited', ...change })
    assert.equal(end({ exitCode: 130 }), 'Shell exited (code 130)')
    assert.equal(end({ exitCode: 0 }), 'Shell exited')
    assert.equal(end({ reason: 'terminated', code: 'terminated', by: ada }), 'Terminated by Ada')
  })
})
