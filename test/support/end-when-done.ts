/**
 * Loaded before each test file (`--import`, see test/run.ts): one that is still there a minute after its last test, because
 * something was left open, ends with an error that says what. Without this a test that fails amid its work would keep the
 * whole run waiting: node's limit of time for a file ends its tests, not its process.
 */
import { after } from 'node:test'

/** The file's own hooks at its end come after this one. */
const patienceMs = 60_000

after(() => {
  const end = () => {
    const left = process.getActiveResourcesInfo().join(', ')
    process.stderr.write(`Still there ${patienceMs / 1000} s after its last test, because of: ${left}\n`)
    process.exit(1)
  }
  // It keeps nothing alive itself.
  setTimeout(end, patienceMs).unref()
})
