import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { readFirstFile, writeTar } from '../../server/drivers/docker/tar.ts'

const run = promisify(execFile)

describe('tar', () => {
  it('is read by tar itself as it was meant', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hatchway-tar-'))
    try {
      const file = join(directory, 'made.tar')
      await writeFile(
        file,
        writeTar([
          { path: '/tmp', directory: true, mode: 0o1777 },
          { path: '/bin/tool', mode: 0o755, content: 'x'.repeat(513) },
          { path: '/bin/[', symlink: 'tool' },
          { path: '/empty', content: '' },
        ]),
      )
      const { stdout } = await run('tar', ['--numeric-owner', '-tvf', file])
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => line.replaceAll(/\s+/g, ' ').replace(/ \d{4}-\S+ \S+/, ''))
      assert.deepEqual(lines, [
        'drwxrwxrwt 0/0 0 tmp/',
        '-rwxr-xr-x 0/0 513 bin/tool',
        'lrwxrwxrwx 0/0 0 bin/[ -> tool',
        '-rw-r--r-- 0/0 0 empty',
      ])
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('gives the first file, behind directories', () => {
    const tar = writeTar([
      { path: 'etc', directory: true },
      { path: 'etc/passwd', content: 'root:x:0:0\n' },
      { path: 'other', content: 'no' },
    ])
    assert.equal(readFirstFile(tar)?.toString(), 'root:x:0:0\n')
    assert.equal(readFirstFile(writeTar([{ path: 'etc/passwd', symlink: 'x' }])), undefined)
    assert.equal(readFirstFile(new Uint8Array()), undefined)
  })

  it('refuses a path that does not fit', () => {
    assert.throws(() => writeTar([{ path: 'x'.repeat(101), content: '' }]), RangeError)
  })
})
