import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createSealedBox, type SealedBox } from '../../server/auth/sealed-box.ts'
import { secretFiles } from '../../server/store/secret-files.ts'

let dir: string
let box: SealedBox
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hatchway-box-'))
  box = await createSealedBox(secretFiles(dir))
})
after(() => rm(dir, { recursive: true }))

describe('the sealed box', () => {
  it('opens what it sealed, also after a restart', async () => {
    for (const text of ['', 'refresh token', 'ü€\u{1F511}\0', 'x'.repeat(100_000)]) {
      const sealed = box.seal(text, 'login a')
      assert.match(sealed, /^[\w-]+$/)
      assert.equal(box.open(sealed, 'login a'), text)
      assert.equal((await createSealedBox(secretFiles(dir))).open(sealed, 'login a'), text)
    }
  })

  it('shows nothing of a text, and seals it differently each time', () => {
    const all = Array.from({ length: 50 }, () => box.seal('the refresh token', 'login a'))
    assert.equal(new Set(all).size, all.length)
    for (const sealed of all) assert.ok(!Buffer.from(sealed, 'base64url').includes('refresh'))
  })

  it('opens nothing in another place than it was sealed for', () => {
    const sealed = box.seal('text', 'login a')
    for (const context of ['login b', 'login ', '', 'login a ', 'pending sign-in'])
      assert.equal(box.open(sealed, context), undefined, context)
  })

  it('opens nothing that was changed: any bit of it, its end, or its order', () => {
    const bytes = Buffer.from(box.seal('text', 'login a'), 'base64url')
    const open = (changed: Uint8Array) => box.open(Buffer.from(changed).toString('base64url'), 'login a')
    assert.equal(open(bytes), 'text')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      assert.equal(open(changed), undefined, `bit ${bit}`)
    }
    for (let length = 0; length < bytes.length; length++)
      assert.equal(open(bytes.subarray(0, length)), undefined, `${length} bytes`)
    assert.equal(open(Buffer.concat([bytes, Buffer.from([0])])), undefined)
    assert.equal(open(bytes.toReversed()), undefined)
  })

  it('opens nothing that was never sealed, and does not throw', () => {
    for (const junk of ['', 'a', '....', 'a'.repeat(38), 'é'.repeat(100), 'a'.repeat(300_000)])
      assert.equal(box.open(junk, 'login a'), undefined)
  })

  it('opens nothing of another installation, or once the key is lost', async () => {
    const sealed = box.seal('text', 'login a')
    const elsewhere = await createSealedBox(secretFiles(join(dir, 'elsewhere')))
    assert.equal(elsewhere.open(sealed, 'login a'), undefined)
    assert.equal(box.open(elsewhere.seal('text', 'login a'), 'login a'), undefined)
    await rm(join(dir, 'sign-in-key'))
    const renewed = await createSealedBox(secretFiles(dir))
    assert.equal(renewed.open(sealed, 'login a'), undefined)
    assert.equal(renewed.open(renewed.seal('text', 'login a'), 'login a'), 'text')
  })

  it('does not work with a key that is too short', async () => {
    const broken = join(dir, 'broken')
    await secretFiles(broken)('sign-in-key', () => 'c2hvcnQ')
    await assert.rejects(createSealedBox(secretFiles(broken)), /sign-in-key .*Delete/)
    await writeFile(join(broken, 'sign-in-key'), '')
    await assert.rejects(createSealedBox(secretFiles(broken)), /sign-in-key .*Delete/)
  })
})
