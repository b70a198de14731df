import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  hiddenIn,
  needsConfirmation,
  preparePaste,
  withHiddenNamed,
  withoutHidden,
} from '../../web/terminal/paste-text.ts'
import { plainTitle } from '../../web/terminal/plain-title.ts'
import { prefillPrompt, takePrefill } from '../../web/terminal/prefill.ts'
import { readKey } from '../../web/terminal/terminal-keys.ts'

describe('pasted text', () => {
  it('has the line ends of the Enter key', () => {
    assert.equal(preparePaste('a\r\nb\nc\rd', false), 'a\rb\rc\rd')
  })

  it('is wrapped once when the program asked for brackets', () => {
    assert.equal(preparePaste('ls\npwd', true), '\u001B[200~ls\rpwd\u001B[201~')
  })

  it('cannot end its own brackets', () => {
    for (const attack of [
      '\u001B[201~rm -rf /\n',
      '\u009B201~rm -rf /\n',
      '\u001B[20\u001B[201~1~rm -rf /\n',
    ]) {
      assert.equal(preparePaste(attack, true), '\u001B[200~rm -rf /\r\u001B[201~')
    }
  })

  it('asks before several lines run, or before more than anybody reads', () => {
    assert.equal(needsConfirmation('ls -l', false), false)
    assert.equal(needsConfirmation('ls -l\n', false), false)
    assert.equal(needsConfirmation('ls\npwd', false), true)
    assert.equal(needsConfirmation('x'.repeat(5000), false), true)
    assert.equal(needsConfirmation('ls\npwd', true), false)
  })
})

describe('characters in a paste that nobody sees', () => {
  for (const [what, text, names, cleaned] of [
    ['a key of the line editor', 'ls\u0015reboot', ['^U'], 'lsreboot'],
    ['a command to the terminal', '\u001B[31mred', ['ESC'], '[31mred'],
    ['the eight-bit form of one', 'a\u009B2Jb', ['U+009B'], 'a2Jb'],
    ['the end of a text', 'a\u0000b', ['NUL'], 'ab'],
    ['a change of direction', 'echo \u202Egnp.exe', ['U+202E'], 'echo gnp.exe'],
    ['an isolate', '\u2066a\u2069', ['U+2066', 'U+2069'], 'a'],
    ['zero width', 'r\u200Bm\uFEFF', ['U+200B', 'U+FEFF'], 'rm'],
    ['a line end that is none to the eye', 'a\u2028b', ['U+2028'], 'ab'],
    ['a tag', 'a\u{E0041}', ['U+E0041'], 'a'],
    ['half of a pair', 'a\uD800', ['U+D800'], 'a'],
    ['a joiner where there is no picture', 'a\u200Db', ['U+200D'], 'ab'],
  ] as const) {
    it(`are asked about, also where the program takes pastes as a whole: ${what}`, () => {
      assert.equal(needsConfirmation(text, true), true)
      assert.equal(needsConfirmation(text, false), true)
      assert.deepEqual(
        hiddenIn(text).map(({ name }) => name),
        names,
      )
      assert.equal(withoutHidden(text), cleaned)
    })
  }

  it('are counted, most frequent first, and said in words', () => {
    assert.deepEqual(hiddenIn('\u0015\u200B\u200Bx'), [
      { name: 'U+200B', words: 'takes no room and is not seen', count: 2 },
      { name: '^U', words: 'deletes the line before it', count: 1 },
    ])
  })

  it('are named where they stand', () => {
    assert.equal(withHiddenNamed('ls\u0015 \u202Egnp'), 'ls⟨^U⟩ ⟨U+202E⟩gnp')
  })

  it('are not found in what is only foreign, or a picture', () => {
    for (const text of ['a\tb', 'naïve e\u0301', '日本語', '👩‍👩‍👧 ❤️ 🏳️‍🌈 1️⃣ 🇩🇪 👍🏽']) {
      assert.deepEqual(hiddenIn(text), [], text)
      assert.equal(withoutHidden(text), text)
      assert.equal(needsConfirmation(text, true), false)
    }
  })
})

describe('window title', () => {
  it('is one short line of plain text', () => {
    assert.equal(plainTitle('vi\n\u0007 \u202Egnp.exe\u202C'), 'vi gnp.exe')
    assert.equal(plainTitle('x'.repeat(200)).length, 80)
  })
})

describe('prefilled prompt', () => {
  it('types only printable characters, once, and never a line end', () => {
    prefillPrompt('s1', 'ps\u001B[A\r\nreboot\u200B\n')
    assert.equal(takePrefill('s1'), 'ps[Areboot')
    assert.equal(takePrefill('s1'), undefined)
  })
})

describe('terminal keys', () => {
  const press = (key: string, code: string, modifiers = '') => ({
    key,
    code,
    ctrlKey: modifiers.includes('c'),
    shiftKey: modifiers.includes('s'),
    altKey: modifiers.includes('a'),
    metaKey: modifiers.includes('m'),
  })

  it('copies with Ctrl+C only when something is selected', () => {
    assert.deepEqual(readKey(press('c', 'KeyC', 'c'), true), { kind: 'copy' })
    assert.deepEqual(readKey(press('c', 'KeyC', 'c'), false), { kind: 'interrupt' })
    assert.deepEqual(readKey(press('C', 'KeyC', 'cs'), false), { kind: 'copy' })
  })

  it('leaves to the shell what is the shell’s', () => {
    for (const [key, code, modifiers] of [
      ['p', 'KeyP', 'c'],
      ['v', 'KeyV', 'c'],
      ['w', 'KeyW', 'c'],
      ['_', 'Minus', 'cs'],
      ['f', 'KeyF', 'c'],
      ['f', 'KeyF', 'a'],
      ['1', 'Digit1', ''],
      ['PageUp', 'PageUp', 's'],
    ] as const) {
      assert.equal(readKey(press(key, code, modifiers), false), undefined, `${modifiers}+${key}`)
    }
  })

  it('leads out by F6, and gives the program its own with Shift', () => {
    assert.deepEqual(readKey(press('F6', 'F6'), false), { kind: 'leave' })
    assert.deepEqual(readKey(press('F6', 'F6', 's'), false), { kind: 'type', text: '\u001B[17~' })
    assert.equal(readKey(press('F6', 'F6', 'c'), false), undefined)
    assert.equal(readKey(press('F7', 'F7'), false), undefined)
  })

  it('lets the browser paste', () => {
    assert.deepEqual(readKey(press('V', 'KeyV', 'cs'), false), { kind: 'native' })
  })

  it('switches tabs, searches and zooms', () => {
    assert.deepEqual(readKey(press('3', 'Digit3', 'a'), false), { kind: 'tab', index: 2 })
    assert.deepEqual(readKey(press('PageDown', 'PageDown', 'c'), false), { kind: 'next-tab', step: 1 })
    assert.deepEqual(readKey(press('F', 'KeyF', 'cs'), false), { kind: 'search' })
    assert.deepEqual(readKey(press('=', 'Equal', 'c'), false), { kind: 'font', change: 1 })
    assert.deepEqual(readKey(press('0', 'Digit0', 'c'), false), { kind: 'font', change: 0 })
  })
})
