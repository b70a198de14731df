import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { needsConfirmation, preparePaste } from '../../web/terminal/paste-text.ts'
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
