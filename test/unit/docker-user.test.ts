import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveGroups, resolveUser } from '../../server/drivers/shared/user-database.ts'

const passwd = 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001:Web,,,:/srv:/none\n'
const group = 'root:x:0:\nweb:x:1001:\nmedia:x:44:other,web\n'

describe('user of a container', () => {
  const cases: [string, ReturnType<typeof resolveUser>][] = [
    ['', { uid: 0, gid: 0, groups: [] }],
    ['web', { uid: 1000, gid: 1001, groups: [44] }],
    ['1000', { uid: 1000, gid: 1001, groups: [44] }],
    ['4000', { uid: 4000, gid: 0, groups: [] }],
    ['4000:44', { uid: 4000, gid: 44, groups: [] }],
    ['web:media', { uid: 1000, gid: 44, groups: [] }],
    ['nobody', undefined],
    ['web:nobody', undefined],
  ]
  for (const [text, expected] of cases) {
    it(`reads "${text}" as Docker does`, () => assert.deepEqual(resolveUser(text, passwd, group), expected))
  }

  it('finds added groups by name and number', () => {
    assert.deepEqual(resolveGroups(['media', '77', 'nothing'], group), [44, 77])
  })
})
