import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

const tag = /\s*<script src="\/head\/([\w-]+\.js)"><\/script>/g

/**
 * Puts the scripts of `head/`, which block the first paint, into one file with a hash in its name: browsers keep it for
 * ever and need not ask for it again at each visit, as they would have to for a file of `public/`.
 */
export function headScript(): Plugin {
  return {
    name: 'head-script',
    apply: 'build',
    transformIndexHtml: {
      order: 'pre',
      handler(html) {
        const { fileName } = bundle(html)
        const [first] = html.match(tag) ?? []
        return first === undefined
          ? html
          : html.replace(first, `\n    <script src="/${fileName}"></script>`).replace(tag, '')
      },
    },
    generateBundle() {
      this.emitFile({ type: 'asset', ...bundle(readFileSync(fileOf('index.html'), 'utf8')) })
    },
  }
}

function bundle(html: string): { fileName: string; source: string } {
  const files = Array.from(html.matchAll(tag), ([, file]) => readFileSync(fileOf(`head/${file}`), 'utf8'))
  const source = files.join('\n')
  const hash = createHash('sha256').update(source).digest('base64url').slice(0, 8)
  return { fileName: `assets/head-${hash}.js`, source }
}

function fileOf(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url))
}
