import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const buildScript = fileURLToPath(new URL('../../web/bundle/build-if-stale.ts', import.meta.url))

/** As `npm start` builds it; takes no time when it is up to date. Before a gateway starts: it looks for the app only then. */
export async function buildWebApp(): Promise<void> {
  await run(process.execPath, [buildScript], { timeout: 240_000 })
}
