import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { returnPath } from '../../server/core/return-path.ts'
import { parseTargetRef } from '../../server/core/target-ref.ts'
import { matchSelector, matchWords } from '../../server/gateway/select-targets.ts'
import { compileGlob } from '../../server/policy/glob.ts'
import { compilePattern } from '../../server/policy/pattern.ts'
import { TestGateway } from '../support/gateway.ts'
import { within } from '../support/within.ts'

/** They take time without end in engines that go back. */
const evil: [string, string][] = [
  ['(a+)+$', 'a'],
  ['([a-zA-Z]+)*$', 'a'],
  ['(a|aa)+$', 'a'],
  ['(a|a?)+$', 'a'],
  ['(.*a){20}', 'a'],
  ['(.*)*=(.*)*', 'x'],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'],
  ['(\\d+)*\\d+x', '1'],
  ['(\\s*\\S*)*!', ' a'],
  ['(x+x+)+y', 'x'],
  ['((a*)*)*b', 'a'],
  ['(?:a{1,8}){1,8}b', 'a'],
  ['.*.*.*.*.*.*.*b', 'a'],
  ['[INC]+-?[0-9]*([0-9]+)*$', 'INC0'],
]

let gateway: TestGateway
before(async () => {
  gateway = await TestGateway.start()
})
after(() => gateway.stop())

function textOf(piece: string, length: number): string {
  return `${piece.repeat(Math.ceil(length / piece.length)).slice(0, length - 1)}\u00A1`
}

/** The least of several runs, in milliseconds for so many calls: what the machine does besides only adds to it. */
function cost(work: () => unknown): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 7; round++) {
    const from = performance.now()
    for (let call = 0; call < 20; call++) work()
    least = Math.min(least, performance.now() - from)
  }
  return least
}

/** How much more eight times the text costs. Linear work gives about 8, quadratic 64, exponential no answer at all. */
function growth(work: (length: number) => () => unknown, length: number): number {
  cost(work(length))
  return cost(work(length * 8)) / Math.max(cost(work(length)), 0.02)
}

describe('a pattern of a policy', () => {
  it('takes time in proportion to the text, however evil it is', () => {
    for (const [source, piece] of evil) {
      const matches = compilePattern(source)
      const factor = growth((length) => {
        const text = textOf(piece, length)
        return () => matches(text)
      }, 500)
      assert.ok(factor < 30, `${source}: 8 times the text takes ${factor.toFixed(1)} times as long`)
    }
  })

  it('is refused where it could not be that cheap', () => {
    for (const source of [
      '(a)\\1',
      '(?=a)b',
      '(?<!a)b',
      '(?>a+)b',
      'a{1001}',
      '(a{100}){100}',
      '((a{30}){30}){30}',
      '\\p{L}{300}',
    ])
      assert.throws(() => compilePattern(source), source)
  })

  it('does not keep the gateway from others, with the longest text that a request may bring', async () => {
    for (const [source, piece] of evil) {
      const policy = JSON.stringify({
        rules: [
          {
            name: 'evil',
            who: { everyone: true },
            actions: ['open'],
            effect: 'allow',
            reasonPattern: source,
            ticketPattern: source,
          },
        ],
      })
      const reason = textOf(piece, 500)
      const asked = { policy, user: 'eve', action: 'open', reason, ticket: reason.slice(-100) }
      const answer = gateway.api<{ problems: unknown[] }>('POST', '/policy/simulate', asked)
      assert.deepEqual((await within(answer, source, 20_000)).problems, [])
      assert.ok((await within(fetch(`${gateway.url}/livez`), `others after ${source}`, 5_000)).ok)
    }
  })
})

describe('other text that is matched', () => {
  it('takes time in proportion to its length: globs, references, selectors, words and return paths', () => {
    const refused = (work: () => unknown) => () => {
      try {
        work()
      } catch {
        // A refusal is as good as an answer, if it comes as quickly.
      }
    }
    const cases: Record<string, (length: number) => () => unknown> = {
      'a glob of stars': (length) => {
        const matches = compileGlob('*a*a*a*a*a*b')
        return () => matches('a'.repeat(length))
      },
      'a target reference': (length) => refused(() => parseTargetRef(`a/${'a-'.repeat(length)}/pod/x`)),
      'a selector of commas': (length) => refused(() => matchSelector('a,'.repeat(length / 2))),
      'a selector of open parentheses': (length) =>
        refused(() => matchSelector('a in (,'.repeat(length / 7))),
      'a selector of blanks': (length) => refused(() => matchSelector(`a${' '.repeat(length)}!`)),
      'a selector of one long key': (length) => refused(() => matchSelector(`${'a'.repeat(length)} in`)),
      words: (length) => refused(() => matchWords(' a'.repeat(length / 2))),
      'a return path': (length) => refused(() => returnPath(`/${'/..'.repeat(length / 3)}`)),
    }
    for (const [what, work] of Object.entries(cases)) {
      const factor = growth(work, 1000)
      assert.ok(factor < 30, `${what}: 8 times the text takes ${factor.toFixed(1)} times as long`)
    }
  })
})
