import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { GetOrCreateSecret } from '../core/secrets.ts'

/**
 * Secrets of this installation as files `<dir>/<name>`, mode 0600. A first write is whole or absent, and of two
 * processes that start at once both get the same value.
 */
export function secretFiles(dir: string): GetOrCreateSecret {
  return async (name, create) => {
    if (!/^[a-z][a-z-]{0,63}$/.test(name)) throw new TypeError(`not a secret's name: ${name}`)
    const path = join(dir, name)
    const kept = await readIfThere(path)
    if (kept !== undefined) return kept
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const draft = join(dir, `.${name}.${randomUUID()}`)
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(create())
      await file.sync()
    } finally {
      await file.close()
    }
    try {
      await link(draft, path)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    } finally {
      await rm(draft)
    }
    return readFile(path, 'utf8')
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
}
