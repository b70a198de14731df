import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

const compressible = /\.(?:js|css|html|svg|json|wasm|md)$/

/** Writes `x.js.gz` beside every compressible file of the build, so that the server never compresses at run time. */
export function gzipSiblings(): Plugin {
  let folder = ''
  return {
    name: 'hatchway-gzip-siblings',
    apply: 'build',
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir)
    },
    // After the files of `public/` are copied too.
    async closeBundle() {
      const files = await readdir(folder, { recursive: true })
      for (const file of files.filter((name) => compressible.test(name))) {
        const path = join(folder, file)
        await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }))
      }
    },
  }
}
