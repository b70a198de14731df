import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PolicyExplanation } from '../../server/protocol/approval-api.ts'
import {
  explainQueryOf,
  isQuestion,
  readQuestion,
  simulationOf,
  writeQuestion,
} from '../../web/pages/policy/policy-question.ts'
import {
  changeInWords,
  compareExplanations,
  factsOf,
  offsetOf,
  rulesOf,
  verdictOf,
} from '../../web/lib/policy-words.ts'

const me = { subject: 'lea', groups: ['audit', 'CN=ops,OU=x'] }
const question = (address: string) => readQuestion(new URLSearchParams(address))
const grant = {
  profiles: ['auto' as const],
  requireReason: true,
  requireTicket: false,
  reasonPatterns: ['INC-.*'],
  ticketPatterns: [],
  copies: false,
  maxDurationSeconds: 3600,
  idleTimeoutSeconds: 900,
  recordInput: true,
  recording: 'strict' as const,
}
const allowed: PolicyExplanation = {
  effect: 'allow',
  rules: ['a'],
  grant,
  matching: [{ name: 'a', effect: 'allow' }],
  near: [],
  policyVersion: '1',
}
const denied: PolicyExplanation = {
  effect: 'deny',
  rules: ['d'],
  code: 'forbidden',
  explanation: 'The rule "d" denies it.',
  matching: [
    { name: 'a', effect: 'allow' },
    { name: 'd', effect: 'deny' },
  ],
  near: [{ name: 'n', effect: 'allow', lacks: 'time', wants: 'by day' }],
  missed: [
    { name: 'n', effect: 'allow', lacks: ['time'] },
    { name: 'm', effect: 'deny', lacks: ['who', 'where'] },
  ],
  policyVersion: '2',
}

describe('a question to policy', () => {
  it('is in the address, with its moment in UTC, and read from there again', () => {
    const address = 'user=ada&groups=a%2C+b&action=run&target=local%2Fweb&at=2026-11-24T22%3A30%3A00.000Z'
    const read = question(address)
    assert.match(read.at, /^2026-11-2[45]T\d\d:\d\d$/)
    const said = Object.entries(writeQuestion(read)).filter(([, value]) => value !== '')
    assert.equal(new URLSearchParams(said).toString(), address)
  })

  it('takes nothing from a link that it does not know', () => {
    const read = question('action=__proto__&at=yesterday&target=+local/web+&policy=rules')
    assert.deepEqual([read.action, read.at, read.target], ['open', '', 'local/web'])
    assert.ok(!JSON.stringify(writeQuestion(read)).includes('rules'))
  })

  it('is about its reader unless it says somebody else', () => {
    assert.deepEqual(explainQueryOf(question('target=local/web'), me), {
      action: 'open',
      target: 'local/web',
    })
    assert.deepEqual(explainQueryOf(question('target=local/web&user=ada'), me), {
      action: 'open',
      target: 'local/web',
      user: 'ada',
      groups: '',
    })
    assert.equal(explainQueryOf(question('target=local/web&groups=a, ,b'), me)['groups'], 'a,b')
    assert.equal(explainQueryOf(question('target=local/web&groups=a'), me)['user'], 'lea')
  })

  it('is asked of a changed policy with the groups as they are, commas and all', () => {
    const body = simulationOf(question('target=local/web'), me, 'rules: []')
    assert.deepEqual(body, {
      action: 'open',
      target: 'local/web',
      user: 'lea',
      groups: me.groups,
      policy: 'rules: []',
    })
  })

  it('needs a target, but for the audit log', () => {
    assert.equal(isQuestion(question('action=open')), false)
    assert.equal(isQuestion(question('action=read-audit')), true)
  })
})

describe('an answer of policy', () => {
  it('has a verdict in words, and another one where only words are missing', () => {
    assert.deepEqual(verdictOf(allowed), { words: 'Allowed', tone: 'ok' })
    assert.deepEqual(verdictOf(denied), { words: 'Denied', tone: 'bad' })
    assert.equal(verdictOf({ effect: 'deny', code: 'ticket_required' }).words, 'Needs a fitting ticket')
    assert.equal(verdictOf({ effect: 'require-approval' }).tone, 'warn')
  })

  it('says what holds and what would be needed', () => {
    const needs = [{ rule: 'eyes', groups: ['leads'], count: 2 }]
    const asking = factsOf({ ...allowed, effect: 'require-approval', approval: { needs, breakGlass: true } })
    const values = Object.fromEntries(asking.map(({ name, values }) => [name, values]))
    assert.deepEqual(values['Approval'], ['2 people of leads, says eyes'])
    assert.deepEqual(values['Break-glass'], ['allowed, with a reason'])
    assert.deepEqual(values['Reason'], ['needed', 'must match INC-.*'])
    assert.deepEqual(values['At most'], ['1 hour'])
    assert.deepEqual(values['Recording'], ['strict, with what is typed'])
  })

  it('lists every rule once, those first that count', () => {
    assert.deepEqual(
      rulesOf(denied).map(({ name, state, words }) => `${name} ${state}: ${words}`),
      [
        'a matches: matches',
        'd decides: matches and decides',
        'n nearly: holds at another time: by day',
        'm misses: is for others and is about other targets',
      ],
    )
  })

  it('is compared fact by fact, and limits of a refusal are no difference of their own', () => {
    const changed = compareExplanations(allowed, denied).filter(({ isChanged }) => isChanged)
    assert.deepEqual(
      changed.map(({ name }) => name),
      ['Verdict', 'Because', 'Decided by', 'Rules that match'],
    )
    assert.equal(changeInWords(allowed, denied), 'The change matters: from “Allowed” to “Denied”')
    assert.equal(
      changeInWords(allowed, { ...allowed, policyVersion: '9' }),
      'The change does not matter to this question',
    )
    const longer = { ...allowed, grant: { ...grant, maxDurationSeconds: 7200 } }
    assert.equal(changeInWords(allowed, longer), 'The verdict stays “Allowed”; what changes: at most')
  })

  it('leads to the place of a problem in the text', () => {
    const text = 'rules:\n  - {nam: x}\n'
    assert.equal(text.slice(offsetOf(text, 2, 6)).slice(0, 3), 'nam')
    assert.equal(offsetOf(text, 99), text.length)
    assert.equal(offsetOf(text, 1, 500), text.length)
  })
})
