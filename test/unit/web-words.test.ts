import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endCodes } from '../../server/core/session-end.ts'
import { wayOut } from '../../server/policy/words.ts'
import type { SessionEnd } from '../../server/protocol/session-api.ts'
import { tabNotes } from '../../web/terminal/tab-notes.ts'
import { endInWords, factsInWords, saysWhomToAsk } from '../../web/lib/words.ts'

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

describe('a refusal', () => {
  it('that says whom to ask is known, so that the page does not say it again', () => {
    assert.equal(saysWhomToAsk(`No rule lets ian open a session in local/web. ${wayOut}`), true)
    assert.equal(saysWhomToAsk('No rule lets ian see local/web.'), false)
  })
})

describe('what an audit event tells', () => {
  it('is left out where it is empty', () => {
    const detail = { uid: 0, capabilities: '', container: 'abc', groups: [], forced: false }
    assert.deepEqual(factsInWords(detail), ['uid=0', 'container=abc', 'forced=false'])
    assert.deepEqual(factsInWords(undefined), [])
  })
})

describe('the note that tells tabs apart', () => {
  const now = Date.parse('2026-05-04T12:00:00Z')
  const tab = (name: string, reason?: string, at = now) =>
    ({
      target: { name },
      requestedAt: new Date(at).toISOString(),
      ...(reason !== undefined && { reason }),
    }) as Parameters<typeof tabNotes>[0][number]

  it('is the reason among several of one name, and nothing where the name is enough', () => {
    assert.deepEqual(tabNotes([tab('api', 'slow'), tab('db', 'slow'), tab('api', 'crash')], now), [
      'slow',
      undefined,
      'crash',
    ])
  })
  it('is the time where the reason does not tell', () => {
    const [first, second, third] = tabNotes(
      [tab('api', 'slow', now - 60_000), tab('api', 'slow', now), tab('api')],
      now,
    )
    assert.match(first ?? '', /\d/)
    assert.notEqual(first, second)
    assert.match(third ?? '', /\d/)
  })
})
