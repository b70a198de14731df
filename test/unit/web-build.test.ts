import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A Vite that writes nothing but the page: whether something is built is the question, not what. */
const vite = `import { mkdirSync, writeFileSync } from 'node:fs'
export async function build({ root }) {
  mkdirSync(root + '/dist', { recursive: true })
  writeFileSync(root + '/dist/index.html', '')
}
`

/** What the protocol imports from beside itself, as paths of the repository. */
async function importedByProtocol(): Promise<string[]> {
  const found = new Set<string>()
  for await (const file of glob('server/protocol/*.ts')) {
    const text = await readFile(file, 'utf8')
    for (const [, path = ''] of text.matchAll(/from '(\.\.\/[^']+)'/g))
      found.add(normalize(join(dirname(file), path)))
  }
  return [...found].toSorted()
}

describe('the build of the web app before a start', () => {
  let copy: string
  const build = async () =>
    (await run(process.execPath, [join(copy, 'web/bundle/build-if-stale.ts')])).stdout.trim()

  before(async () => {
    copy = await mkdtemp(join(tmpdir(), 'hatchway-web-build-'))
    await mkdir(join(copy, 'node_modules/vite'), { recursive: true })
    await writeFile(join(copy, 'node_modules/vite/package.json'), '{"type":"module","exports":"./index.js"}')
    await writeFile(join(copy, 'node_modules/vite/index.js'), vite)
    await writeFile(join(copy, 'package.json'), '{"type":"module"}')
    for (const path of [
      'package-lock.json',
      'server/protocol',
      'web/index.html',
      'web/bundle',
      ...(await importedByProtocol()),
    ])
      await cp(path, join(copy, path), { recursive: true })
  })
  after(async () => await rm(copy, { recursive: true, force: true }))

  it('is done once, and again when something has changed that it reads, beside its folder too', async () => {
    assert.match(await build(), /^Web app: built in/)
    assert.equal(await build(), 'Web app: up to date.')
    const beside = await importedByProtocol()
    assert.ok(beside.length > 0)
    for (const path of ['web/index.html', 'server/protocol/fields.ts', ...beside]) {
      await writeFile(join(copy, path), '\n', { flag: 'a' })
      assert.match(await build(), /^Web app: built in/, path)
    }
  })
})
