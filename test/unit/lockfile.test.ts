import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

interface Lockfile {
  packages: Record<string, { version?: string; optionalDependencies?: Record<string, string> }>
}

test('npm ci accepts the lockfile: every optional package of every platform has an entry', async () => {
  const path = new URL('../../package-lock.json', import.meta.url)
  const { packages } = JSON.parse(await readFile(path, 'utf8')) as Lockfile
  const locked = Object.keys(packages)
  const missing = Object.values(packages)
    .flatMap((each) => Object.keys(each.optionalDependencies ?? {}))
    .filter((name) => !locked.some((key) => key.endsWith(`node_modules/${name}`)))
  assert.deepEqual(missing, [], 'npm install left these out: add them with version, os and cpu')
})
