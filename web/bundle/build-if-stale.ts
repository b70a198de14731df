/**
 * Builds the web app when `dist` is absent or older than its sources; run before `npm start`.
 * Prints one line. An image that ships `dist` without sources or Vite uses it as it is.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const web = join(import.meta.dirname, '..')
const root = join(web, '..')
const stampFile = join(web, 'dist/.stamp')

/** Everything that the build reads, in a stable order. */
function sources(): string[] {
  const skipped = join(web, 'dist')
  const walk = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true })
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => {
        const path = join(folder, entry.name)
        if (path === skipped) return []
        return entry.isDirectory() ? walk(path) : [path]
      })
  // The protocol's own words, and what it imports from beside itself.
  const shared = [...walk(join(root, 'server/protocol')), join(root, 'server/core/vocabulary.ts')]
  return [...walk(web), ...shared, join(root, 'package-lock.json')]
}

function stampOfSources(): string {
  const hash = createHash('sha256')
  for (const path of sources())
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update('\0')
  return hash.digest('hex')
}

/** Says what it did. Throws when it has to build and cannot. */
async function buildIfStale(): Promise<string> {
  const hasDist = existsSync(join(web, 'dist/index.html'))
  const hasSources = existsSync(join(web, 'index.html')) && existsSync(join(root, 'package-lock.json'))
  if (!hasSources) {
    if (hasDist) return 'Web app: as shipped.'
    throw new Error('web/dist is missing, and so are the sources to build it from.')
  }
  const stamp = stampOfSources()
  if (hasDist && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp)
    return 'Web app: up to date.'
  const started = performance.now()
  const vite = await import('vite').catch(() => undefined)
  if (vite === undefined) {
    if (hasDist) return 'Web app: as built before (Vite is not installed, so it was not checked further).'
    throw new Error(
      'web/dist is missing and Vite is not installed: run `npm ci` with the development packages.',
    )
  }
  await vite.build({ root: web, configFile: join(web, 'vite.config.ts'), logLevel: 'error' })
  writeFileSync(stampFile, stamp)
  return `Web app: built in ${((performance.now() - started) / 1000).toFixed(1)} s.`
}

console.log(await buildIfStale())
