import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { HatchwayError, messageOf } from '../core/errors.ts'
import type { Blobs } from '../core/blobs.ts'

// Parts start with a letter or digit: no `.`, no `..`, and no clash with the temporary files, which start with a dot.
const keyForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}$/

/** Blobs as files under one directory, mode 0600 in directories of mode 0700. */
export class DirectoryBlobs implements Blobs {
  readonly #root: string

  constructor(directory: string) {
    this.#root = directory
  }

  async put(key: string, body: Readable): Promise<{ bytes: number }> {
    let temporary: string | undefined
    try {
      const path = this.#pathOf(key)
      await this.#makeDirectory(dirname(path))
      temporary = join(dirname(path), `.${randomUUID()}.tmp`)
      const file = createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true })
      await pipeline(body, file)
      await rename(temporary, path)
      await flushDirectory(dirname(path))
      return { bytes: file.bytesWritten }
    } catch (cause) {
      body.destroy()
      if (temporary !== undefined) await rm(temporary, { force: true })
      throw failed(key, 'written', cause)
    }
  }

  async get(key: string): Promise<Readable> {
    try {
      const file = await open(this.#pathOf(key), 'r')
      return file.createReadStream({ highWaterMark: 256 * 1024 })
    } catch (cause) {
      if (!isMissing(cause)) throw failed(key, 'read', cause)
      throw new HatchwayError('recording_not_found', `There is no blob ${key}.`, { cause })
    }
  }

  async delete(key: string): Promise<void> {
    try {
      const path = this.#pathOf(key)
      await rm(path, { force: true })
      await flushDirectory(dirname(path)).catch((cause: unknown) => {
        if (!isMissing(cause)) throw cause
      })
    } catch (cause) {
      throw failed(key, 'deleted', cause)
    }
  }

  async check(): Promise<void> {
    try {
      await this.#makeDirectory(this.#root)
      // Asked for what it says, a full disk and a read-only one say that all is well.
      const path = join(this.#root, `.${randomUUID()}.tmp`)
      const probe = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true })
      try {
        await pipeline(Readable.from([Buffer.alloc(4096, 1)]), probe)
      } finally {
        await rm(path, { force: true })
      }
    } catch (cause) {
      throw failed(this.#root, 'used', cause)
    }
  }

  // Each new directory's name is flushed too: else a power cut could take the whole branch.
  async #makeDirectory(path: string): Promise<void> {
    const first = await mkdir(path, { recursive: true, mode: 0o700 })
    if (first === undefined) return
    await chmod(this.#root, 0o700)
    let parent = dirname(first)
    await flushDirectory(parent)
    for (const part of relative(parent, path).split(sep)) {
      parent = join(parent, part)
      await flushDirectory(parent)
    }
  }

  #pathOf(key: string): string {
    if (keyForm.test(key)) return join(this.#root, key)
    const shown = JSON.stringify(key.slice(0, 200))
    throw new HatchwayError('invalid_request', `${shown} is not the key of a blob. Write it as a/b-c.d.`)
  }
}

async function flushDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')
}

function failed(key: string, act: string, cause: unknown): HatchwayError {
  if (cause instanceof HatchwayError) return cause
  const detail = `The blob ${key} cannot be ${act}: ${messageOf(cause)}. Check the disk and the permissions of the data directory.`
  return new HatchwayError('store_unavailable', detail, { cause })
}
