import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { secretFiles } from '../../server/store/secret-files.ts'

let dir: string
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hatchway-secrets-'))
})
after(() => rm(dir, { recursive: true }))

describe('secretFiles', () => {
  it('makes a value once and gives it back', async () => {
    assert.equal(await secretFiles(dir)('one', () => 'made'), 'made')
    assert.equal(await secretFiles(dir)('one', () => 'made again'), 'made')
    assert.equal((await stat(join(dir, 'one'))).mode & 0o777, 0o600)
  })

  it('gives the same value to everybody who asks at once, and leaves nothing else behind', async () => {
    const own = join(dir, 'race')
    const got = await Promise.all(
      Array.from({ length: 20 }, (_, i) => secretFiles(own)('key', () => `value ${i}`)),
    )
    assert.equal(new Set(got).size, 1)
    assert.deepEqual(await readdir(own), ['key'])
  })

  it('takes no path for a name', async () => {
    await assert.rejects(
      secretFiles(dir)('../x', () => ''),
      TypeError,
    )
  })
})
