import assert from 'node:assert/strict'
import { access, glob, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { endCodes } from '../../server/core/session-end.ts'
import { endReasons } from '../../server/core/vocabulary.ts'
import { profiles } from '../../server/core/vocabulary.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFile(join(root, path), 'utf8')
const pages = await Array.fromAsync(
  glob('**/*.md', { cwd: root, exclude: ['node_modules/**', 'web/dist/**', 'data/**'] }),
)

/** GitHub's anchors: small letters, no punctuation, dashes for blanks. */
function anchorsOf(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#{1,6} (.+)$/gm)].map(([, text = '']) => text)
  return headings.map((text) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** What stands between code fences is no link, and neither is inline code. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target)
}

describe('the documents', () => {
  for (const page of pages) {
    it(`${page} links to what exists`, async () => {
      const problems: string[] = []
      for (const link of linksOf(await read(page))) {
        if (/^(https?|mailto):/.test(link)) continue
        const [path = '', anchor] = link.split('#')
        const target = path === '' ? page : relative(root, join(root, dirname(page), path))
        const there = await access(join(root, target)).then(
          () => true,
          () => false,
        )
        if (!there) problems.push(link)
        else if (anchor !== undefined && !anchorsOf(await read(target)).includes(anchor)) problems.push(link)
      }
      assert.deepEqual(problems, [])
    })
  }

  it('the API guide names every error code, and every reason and code of a session’s end', async () => {
    const guide = await read('docs/api.md')
    const missing = [...endReasons, ...endCodes].filter((name) => !guide.includes(`\`${name}\``))
    assert.deepEqual(missing, [])
  })

  it('the Docker page has a row for every profile', async () => {
    const page = await read('docs/docker.md')
    for (const profile of profiles) assert.match(page, new RegExp(`^\\| \`${profile}\` \\|`, 'm'))
  })

  it('the Kubernetes page has a row for every profile', async () => {
    const page = await read('docs/kubernetes.md')
    for (const profile of profiles) assert.match(page, new RegExp(`^\\| \`${profile}\` \\|`, 'm'))
  })

  it('the Kubernetes page says of every right in deploy/kubernetes what it is for', async () => {
    const page = await read('docs/kubernetes.md')
    const rights = page.slice(page.indexOf('### The least rights'), page.indexOf('## Pod Security'))
    const rows = rights.split('\n').filter((line) => line.startsWith('| '))
    const missing: string[] = []
    for (const file of ['rbac.yaml', 'rbac-impersonation.yaml', 'rbac-extras.yaml', 'rbac-people.yaml']) {
      for (const { rules = [] } of parseAllDocuments(await read(`deploy/kubernetes/${file}`)).map(
        (document) => document.toJS() as { rules?: { resources: string[]; verbs: string[] }[] },
      )) {
        for (const { resources, verbs } of rules) {
          const isTold = (resource: string) =>
            rows.some((row) => {
              const right = row.split('|')[1] ?? ''
              return (
                right.split(/[^a-z/]+/).includes(resource) &&
                verbs.every((verb) => right.slice(right.indexOf(':')).includes(verb))
              )
            })
          missing.push(
            ...resources.filter((resource) => !isTold(resource)).map((name) => `${name}: ${verbs.join()}`),
          )
        }
      }
    }
    assert.deepEqual(missing, [])
  })

  it('the operations page names only metrics that exist, and all of them', async () => {
    const page = await read('docs/operations.md')
    const source = await read('server/http/metrics.ts')
    const names = (text: string) =>
      [...new Set([...text.matchAll(/\bhatchway_[a-z_]+/g)].map(([name]) => name))].toSorted()
    assert.deepEqual(names(page), names(source))
  })

  it('each guarantee of the threat model names a test, and each test that it names exists', async () => {
    const model = await read('SECURITY.md')
    const guarantees = model.slice(model.indexOf('### Guarantees'), model.indexOf('### What is not'))
    const rows = guarantees.split('\n').filter((line) => /^\| (?!Under these|---|-)/.test(line))
    assert.ok(rows.length > 10)
    const problems: string[] = []
    for (const row of rows) {
      const [guarantee = '', shownBy = ''] = row.slice(2, -2).split(' | ')
      const named = [...shownBy.matchAll(/`(test\/[^`]+)`:((?: "[^"]+",?)+)/g)]
      if (named.length === 0) problems.push(`no test: ${guarantee}`)
      for (const [, path = '', names = ''] of named) {
        const titles = titlesOf(await read(path))
        for (const [, name = ''] of names.matchAll(/"([^"]+)"/g))
          if (!titles.has(name)) problems.push(`${path}: ${name}`)
      }
      const rest = shownBy.replaceAll(/`test\/[^`]+`:(?: "[^"]+",?)+/g, '').replaceAll(/[\s,|]/g, '')
      if (rest !== '') problems.push(`not a test: ${rest}`)
    }
    assert.deepEqual(problems, [])
  })

  it('each row of the attack suite names a defence and a test that exist', async () => {
    const suite = await read('test/security/README.md')
    const rows = suite.split('\n').filter((line) => /^\| (?!attack|---)/.test(line))
    assert.ok(rows.length > 20)
    const problems: string[] = []
    for (const row of rows) {
      const [, defence = '', test = ''] = row.slice(2, -2).split(' | ')
      for (const [, path = ''] of defence.matchAll(/`((?:server|web)\/[^`]+)`/g))
        if (!(await exists(path))) problems.push(path)
      const [, path = '', name = ''] = /^`([^`]+)`: "(.+)"$/.exec(test) ?? []
      const file = path.includes('/') ? path : `test/security/${path}`
      if (!(await exists(file)) || !titlesOf(await read(file)).has(name)) problems.push(`${path}: ${name}`)
    }
    assert.deepEqual(problems, [])
  })
})

/** What stands as the title of a `describe` or `it`, or of a test of the drivers' contract that only a target's kernel can pass. */
function titlesOf(source: string): Set<string> {
  const literals = source.matchAll(
    /\b(?:describe|it|inTarget)\(\s*(?:'((?:[^'\\]|\\.)*)'|"([^"]*)"|`([^`$]*)`)/g,
  )
  return new Set(
    [...literals].map(([, single, double, tick]) => (single ?? double ?? tick ?? '').replaceAll("\\'", "'")),
  )
}

function exists(path: string): Promise<boolean> {
  return access(join(root, path)).then(
    () => true,
    () => false,
  )
}
