import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a build of the web app leaves, as far as a gateway cares. */
export async function writeBuiltWeb(root: string): Promise<void> {
  const assets = join(root, 'assets')
  await mkdir(assets, { recursive: true })
  await writeFile(join(root, 'index.html'), '<!doctype html><title>Hatchway</title>')
  await writeFile(join(root, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  await writeFile(join(assets, 'app-1a2b.js'), 'export const plain = true\n')
  await writeFile(join(assets, 'app-1a2b.js.gz'), 'compressed by the build')
}
