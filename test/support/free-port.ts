import { once } from 'node:events'
import { createServer } from 'node:net'

// Below what Linux gives to connections and to servers that ask for any port, so that nobody gets it by chance between now and
// its use; and each process begins elsewhere, so that test files side by side don't meet.
const lowest = 20_000
const count = 12_000
const perProcess = 40
let next = (process.pid * perProcess) % count

/** A loopback port that nobody listens on. Throws when there is none. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < count; tried++) {
    const port = lowest + next
    next = (next + 1) % count
    if (await isFree(port)) return port
  }
  throw new Error(`No port from ${lowest} to ${lowest + count} is free`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
