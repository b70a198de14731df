import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { gzipSiblings } from './bundle/gzip-siblings.ts'
import { headScript } from './bundle/head-script.ts'

const root = fileURLToPath(new URL('.', import.meta.url))

// One stylesheet for all that the first load draws, in the order of the imports; what is loaded later brings its own.
const firstLoad =
  /^(style\/(?!workspace)|components|app\/(?!command-palette)|pages\/(targets|debug))[\w/-]*\.css$/
const isFirstStyle = (id: string): boolean => id.startsWith(root) && firstLoad.test(id.slice(root.length))

export default defineConfig({
  root,
  plugins: [react(), headScript(), gzipSiblings()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    sourcemap: false,
    // A data: URL for an asset would need another source in the content security policy.
    assetsInlineLimit: 0,
    // The first browsers that know light-dark(), which the colour tokens rely on.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    target: ['chrome123', 'firefox120', 'safari17.5'],
    license: { fileName: 'licenses.md' },
    reportCompressedSize: false,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'first', test: isFirstStyle }] } } },
  },
  server: {
    proxy: { '/api': { target: 'http://127.0.0.1:8080', ws: true } },
  },
})
