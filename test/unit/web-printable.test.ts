import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { printable, printableLine } from '../../web/lib/printable.ts'

describe('text of a link', () => {
  it('keeps what people write in any language', () => {
    for (const text of [
      'INC-1234: 502 seit 02:40',
      'é̂ ñ 中文 עברית ½ €',
      'ps | grep -E "a|b" > /tmp/$USER',
      '🚒',
    ])
      assert.equal(printableLine(text), text)
  })

  it('becomes one line: what ended a line or moved a cursor separates words', () => {
    assert.equal(printableLine('a\nb\r\nc\td\u2028e\u2029f\u0085g'), 'a b c d e f g')
    assert.equal(printableLine('\u001B[31mred\u0007'), '[31mred')
  })

  it('loses what nobody sees: directions, zero widths, fillers, halves of pairs, private and unassigned ones', () => {
    const invisible = [0x200b, 0x200d, 0x200e, 0x202a, 0x202e, 0x2066, 0x2069, 0x61c, 0xfeff, 0xad, 0x34f]
    const others = [0x115f, 0x3164, 0xfe0f, 0xe0041, 0xd800, 0xdfff, 0xe000, 0xffff, 0x378, 0x10fffd]
    for (const code of [...invisible, ...others])
      assert.equal(printableLine(`rm${String.fromCodePoint(code)}dir`), 'rmdir', code.toString(16))
  })

  it('has ordinary blanks, and none around it', () => {
    assert.equal(printableLine('\u00A0 ls\u2003-l\u3000/\u00A0'), 'ls -l /')
  })

  it('is cut at what would run it when it goes to a prompt', () => {
    assert.equal(printable('ls\r\n-l\u001B\u009B'), 'ls-l')
  })
})
