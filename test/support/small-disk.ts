import { execFile } from 'node:child_process'
import { appendFileSync, rmSync, statfsSync, statSync, truncateSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const mount = 'mount -t tmpfs -o size=24m none "$1" && shift && exec "$@"'

/**
 * Runs a program with the path of a small disk as its last argument: a real one, in a mount namespace of the program's own, so that
 * nobody else sees it and it is gone with the program. Throws with what was said when it fails, or when no disk can be mounted.
 */
export async function onSmallDisk(...command: readonly string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-disk-'))
  // Else a file of tests would take itself for a part of this run.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
  try {
    const args = ['-rm', 'sh', '-c', mount, 'sh', directory, ...command, directory]
    const { stdout } = await run('unshare', args, { env, timeout: 180_000, maxBuffer: 16 * 1024 ** 2 })
    return stdout
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string }
    throw new Error(`${command.join(' ')} failed on its small disk:\n${stdout}${stderr}`, { cause })
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** The disk that {@link onSmallDisk} gave this process. */
export class SmallDisk {
  readonly path: string
  readonly #ballast: string

  constructor(path: string) {
    this.path = path
    this.#ballast = join(path, 'ballast')
  }

  /** From here on it has so many blocks left. Synchronous: nothing comes between. */
  fill(left = 0): void {
    // Nor what the gateway holds back for this moment.
    rmSync(join(this.path, 'data/reserve'), { force: true })
    for (let piece = 256 * 1024; piece >= 1024; piece /= 4) {
      try {
        for (;;) appendFileSync(this.#ballast, Buffer.alloc(piece, 1))
      } catch {
        // A smaller piece may fit.
      }
    }
    const { bsize } = statfsSync(this.path)
    truncateSync(this.#ballast, Math.max(0, statSync(this.#ballast).size - left * bsize))
    const { bavail } = statfsSync(this.path)
    if (bavail !== left) throw new Error(`${bavail} blocks are free instead of ${left}`)
  }

  /** Gives the room back that {@link fill} took. */
  free(): void {
    truncateSync(this.#ballast, 0)
  }
}
