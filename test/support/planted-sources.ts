import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** What somebody would add to the server: files of its own, and changes of those that are there. */
export interface Plant {
  own: Readonly<Record<string, string>>
  edits: readonly { file: string; from: string; to: string }[]
}

/** Files that it changes, by their paths. */
export function changedBy({ edits }: Plant): string[] {
  return [...new Set(edits.map(({ file }) => file))]
}

/** A copy of the server's sources with all of these planted, in a directory of its own. */
export async function plantInCopy(...plants: readonly Plant[]) {
  const root = await mkdtemp(join(tmpdir(), 'hatchway-planted-'))
  await cp('server', join(root, 'server'), { recursive: true })
  for (const name of ['package.json', 'tsconfig.json', 'oxlint.config.ts']) await cp(name, join(root, name))
  await symlink(resolve('node_modules'), join(root, 'node_modules'))
  for (const { own, edits } of plants) {
    for (const [path, text] of Object.entries(own)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), text)
    }
    for (const { file, from, to } of edits) {
      const text = await readFile(join(root, file), 'utf8')
      if (text.split(from).length !== 2) throw new Error(`${file} has not exactly one ${from}`)
      await writeFile(
        join(root, file),
        text.replace(from, () => to),
      )
    }
  }
  return { root, remove: () => rm(root, { recursive: true, force: true }) }
}
