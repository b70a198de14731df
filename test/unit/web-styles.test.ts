import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, it } from 'node:test'

const read = (path: string) => readFileSync(`web/${path}`, 'utf8')
const find = (pattern: string) =>
  globSync(pattern, { cwd: 'web', exclude: (name) => name === 'dist' }).toSorted()

const sheets = find('**/*.css').map((path) => {
  const text = read(path).replaceAll(/\/\*[^]*?\*\//g, '')
  const selectors = Array.from(text.matchAll(/([^{};]+)\{/g), ([, selector = '']) => selector.trim())
  return { path, text, selectors: selectors.filter((selector) => !selector.startsWith('@')) }
})
const parts = find('**/*.{ts,tsx}').map((path) => ({ path, text: read(path) }))

/** Of xterm.js and asciinema-player, which draw by themselves. */
const isVendors = (name: string) => name === 'xterm' || /^(ap|asciinema)-/.test(name)

describe('the stylesheets of the web app', () => {
  it('style each class in one file', () => {
    const places = new Map<string, Set<string>>()
    for (const { path, selectors } of sheets) {
      for (const [, name = ''] of selectors.join('\n').matchAll(/\.([a-z_][\w-]*)/gi)) {
        if (!isVendors(name)) places.set(name, (places.get(name) ?? new Set()).add(path))
      }
    }
    assert.ok(places.size > 300, 'classes were found')
    const several = [...places].filter(([, paths]) => paths.size > 1)
    assert.deepEqual(several, [])
  })

  it('stand beside the component that imports them, and that alone, unless several share them', () => {
    for (const { path } of sheets) {
      const name = basename(path)
      const importers = parts.filter(({ text }) =>
        new RegExp(`import '[./\\w-]*/${name.replace('.', '\\.')}'`).test(text),
      )
      if (path.startsWith('style/')) assert.ok(importers.length > 0, `${path} is imported`)
      else
        assert.deepEqual(
          importers.map((part) => part.path),
          [path.replace(/css$/, 'tsx')],
          path,
        )
    }
  })

  // A component's own rules come behind those of what it is made of only if they are imported behind them.
  it('are the last import of their component', () => {
    for (const { path, text } of parts) {
      const imports = Array.from(text.matchAll(/^(?:import|\}) .*'([^']+)'$/gm), ([, from = '']) => from)
      const own = imports.findIndex((from) => from === `./${basename(path).replace(/tsx?$/, 'css')}`)
      if (own !== -1) assert.equal(own, imports.length - 1, `${path} imports its stylesheet last`)
    }
  })

  it('say spaces by the scale of the tokens', () => {
    const tokens = read('style/tokens.css')
    const scale = Array.from(tokens.matchAll(/--space-[\d-]+: (\d+)px/g), ([, px = '']) => px)
    assert.ok(scale.length > 8)
    const spaces = /(?:^|[\s;{])(?:margin|padding|gap|row-gap|column-gap)(?:-[a-z]+)*:([^;}]+)/g
    for (const { path, text } of sheets) {
      for (const [declaration, value = ''] of text.matchAll(spaces)) {
        const plain = Array.from(value.matchAll(/(?<![\w.])(\d+)px/g), ([, px = '']) => px)
        const onScale = plain.filter((px) => scale.includes(px))
        assert.deepEqual(onScale, [], `${path}: ${declaration.trim()}`)
      }
    }
  })

  it('read no custom property that nobody sets', () => {
    const all = sheets.map(({ text }) => text).join('\n')
    const code = parts.map(({ text }) => text).join('\n')
    const set = new Set(Array.from(all.matchAll(/(--[\w-]+):/g), ([, name = '']) => name))
    for (const [, name = ''] of all.matchAll(/var\((--[\w-]+)\)/g)) {
      const isOfAScript = name.startsWith('--cast-') || code.includes(`'${name}'`)
      const isOfBaseUi = /^--(anchor|available)-/.test(name)
      assert.ok(set.has(name) || isOfAScript || isOfBaseUi, name)
    }
  })
})
