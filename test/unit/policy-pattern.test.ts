import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compilePattern } from '../../server/policy/pattern.ts'

describe('a pattern', () => {
  const fits: [string, string, boolean][] = [
    ['INC-[0-9]+', 'INC-4711', true],
    ['INC-[0-9]+', 'XINC-4711', false],
    ['INC-[0-9]+', 'INC-4711 and more', false],
    ['INC|CHG', 'CHG', true],
    ['INC|CHG', 'CHGS', false],
    ['(?i)inc-\\d+', 'InC-1', true],
    ['.{10,}', 'too short', false],
    ['\\p{L}+', 'größer', true],
    ['', '', true],
  ]
  for (const [pattern, text, expected] of fits) {
    it(`${JSON.stringify(pattern)} ${expected ? 'takes' : 'refuses'} ${JSON.stringify(text)}`, () => {
      assert.equal(compilePattern(pattern)(text), expected)
    })
  }

  for (const pattern of ['(', 'a{1001}', '(?=x)', '(a)\\1', '(a{100}){100}', '((a?){20}){20}', 'a{999}']) {
    it(`is refused: ${pattern}`, () => assert.throws(() => compilePattern(pattern), Error))
  }

  // Each makes a backtracking engine try more ways than there are atoms. A run that ends at all shows that none is here.
  for (const pattern of ['(a+)+', '(a|aa)+', '(a|a?)+', '(.*)*x', '([a-z]+)*', '(a*)*(b*)*c', '(x+x+)+y']) {
    it(`takes no long time: ${pattern}`, () => {
      const fits = compilePattern(pattern)
      for (const letter of ['a', 'x']) assert.equal(fits(`${letter.repeat(500)}!`), false)
    })
  }
})
