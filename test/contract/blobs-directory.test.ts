import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import { DirectoryBlobs } from '../../server/blobs/directory.ts'
import { blobsContract } from './blobs.ts'

async function start() {
  const parent = await mkdtemp(join(tmpdir(), 'hatchway-blobs-'))
  const root = join(parent, 'deep', 'blobs')
  const list = async () => {
    const entries = await readdir(parent, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile())
    return files.map((entry) => relative(root, join(entry.parentPath, entry.name))).toSorted()
  }
  return {
    parent,
    root,
    blobs: new DirectoryBlobs(root),
    list,
    remove: () => rm(parent, { recursive: true }),
  }
}

blobsContract('a directory', start)

describe('blobs in a directory', () => {
  it('are for their owner only', async () => {
    const { root, blobs, remove } = await start()
    await blobs.put('a/b', Readable.from([Buffer.from('x')]))
    const modes = await Promise.all(['a/b', 'a', '.'].map((path) => stat(join(root, path))))
    assert.deepEqual(
      modes.map(({ mode }) => (mode & 0o777).toString(8)),
      ['600', '700', '700'],
    )
    await remove()
  })

  it('say so when the directory cannot be used', async () => {
    const { parent, remove } = await start()
    await writeFile(join(parent, 'file'), '')
    const blobs = new DirectoryBlobs(join(parent, 'file', 'blobs'))
    const unavailable = (cause: unknown) =>
      cause instanceof HatchwayError && cause.code === 'store_unavailable' && /ENOTDIR/.test(cause.message)
    await assert.rejects(blobs.check(), unavailable)
    await assert.rejects(blobs.put('a', Readable.from([])), unavailable)
    await remove()
  })
})
