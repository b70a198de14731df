import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isLostCode } from '../../web/lib/lost-code.ts'

describe('code of the app that did not come', () => {
  // The words of Chromium, Firefox and Safari for a script, and of Vite for a style.
  for (const words of [
    'Failed to fetch dynamically imported module: https://gateway/assets/player-page-1.js',
    'error loading dynamically imported module: https://gateway/assets/player-page-1.js',
    'Importing a module script failed.',
    'Unable to preload CSS for /assets/player-page-1.css',
  ]) {
    it(`is known by its words: ${words.slice(0, 32)}`, () => {
      assert.equal(isLostCode(new TypeError(words)), true)
    })
  }

  it('is not taken for a fault of the part itself', () => {
    assert.equal(isLostCode(new TypeError("Cannot read properties of undefined (reading 'module')")), false)
    assert.equal(isLostCode('Importing a module script failed.'), false)
  })
})
