import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parseStatus, userFromProc } from '../../server/targets/proc-user.ts'

describe('parseStatus', () => {
  it('takes effective ids and the other groups', () => {
    const status =
      'Name:\thttpd\nUid:\t0\t65532\t0\t0\nGid:\t0\t65532\t0\t0\nGroups:\t4 65532 27 \nNgid:\t0\n'
    assert.deepEqual(parseStatus(status), { uid: 65532, gid: 65532, groups: [4, 27] })
  })

  it('knows a process without supplementary groups', () => {
    const status = 'Uid:\t1\t1\t1\t1\nGid:\t2\t2\t2\t2\nGroups:\t \n'
    assert.deepEqual(parseStatus(status), { uid: 1, gid: 2, groups: [] })
  })

  it('says nothing about what it cannot read', () => {
    assert.equal(parseStatus('Name:\tx\n'), undefined)
    assert.equal(parseStatus('Uid:\tx\tx\tx\tx\nGid:\t1\t1\t1\t1\nGroups:\t\n'), undefined)
  })

  it('reads this process', () => {
    const own = parseStatus(readFileSync('/proc/self/status', 'utf8'))
    assert.equal(own?.uid, process.geteuid?.())
    assert.equal(own?.gid, process.getegid?.())
  })
})

describe('userFromProc', () => {
  it('does not take a process for one of a container that it is not in', async () => {
    assert.equal(await userFromProc(process.pid, 'f'.repeat(64)), undefined)
    assert.equal(await userFromProc(0, ''), undefined)
  })
})
