import { setTimeout as delay } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'

const retryMs = 50
const patienceMs = 30_000

/**
 * Does `work` while no other process does any under the same path. The kernel's file locks, which SQLite takes, are free
 * again when their process is gone, however it ended. Throws when the lock is not free within 30 seconds.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    const deadline = Date.now() + patienceMs
    while (!take(lock)) {
      if (Date.now() > deadline)
        throw new Error(`another process has held ${path} for ${patienceMs / 1000} seconds`)
      await delay(retryMs)
    }
    return await work()
  } finally {
    lock.close()
  }
}

function take(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return true
  } catch (cause) {
    // SQLITE_BUSY, with or without an extended code in the upper bits.
    if (cause instanceof Error && 'errcode' in cause && (Number(cause.errcode) & 0xff) === 5) return false
    throw cause
  }
}
