import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { parseStatus, processesFromProc, userFromProc } from '../../server/drivers/docker/proc-user.ts'
import { eventually } from '../support/eventually.ts'

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

interface Process {
  name: string
  children?: readonly number[]
  groups?: string
  /** Its numbers, the host's first. */
  numbers?: string
}

const containerId = 'c'.repeat(64)

/** A process table as proc(5) has it, in a directory. */
async function processTable(t: TestContext, processes: Record<number, Process>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-proc-'))
  t.after(() => rm(directory, { recursive: true }))
  for (const [pid, { name, children = [], groups = '', numbers = pid }] of Object.entries(processes)) {
    const thread = join(directory, pid, 'task', pid)
    await mkdir(thread, { recursive: true })
    await writeFile(join(thread, 'children'), children.map((child) => `${child} `).join(''))
    await writeFile(join(directory, pid, 'cgroup'), `0::/docker/${containerId}\n`)
    const ids = 'Uid:\t0\t7\t0\t0\nGid:\t0\t8\t0\t0\n'
    const status = `Name:\t${name}\nState:\tS (sleeping)\n${ids}Groups:\t${groups} \nNSpid:\t${numbers}\n`
    await writeFile(join(directory, pid, 'status'), status)
  }
  return directory
}

describe('the processes of a container', () => {
  it('are also what any other thread has started', async (t) => {
    const inThread = `require('node:child_process').spawn('sleep', ['300']); setInterval(() => {}, 1000)`
    const program = `new (require('node:worker_threads').Worker)(${JSON.stringify(inThread)}, { eval: true })`
    const { pid = 0 } = spawn(process.execPath, ['-e', program], { detached: true })
    t.after(() => process.kill(-pid, 'SIGKILL'))
    await eventually(async () => {
      const found = await processesFromProc(pid, '')
      return found?.some(({ name, parent }) => name === 'sleep' && parent === pid) === true
    })
  })

  it('have the number that the target knows them by, not one of a namespace below', async (t) => {
    const table = await processTable(t, {
      700: { name: 'dockerd', numbers: '700\t1', children: [701, 702] },
      701: { name: 'nested', numbers: '701\t25\t1' },
      702: { name: 'worker', numbers: '702\t26' },
    })
    const found = await processesFromProc(700, containerId, table)
    assert.deepEqual(
      found?.map(({ name, innerPid }) => [name, innerPid]),
      [
        ['dockerd', 1],
        ['nested', 25],
        ['worker', 26],
      ],
    )
  })

  it('cost no more than the first thousand of their groups', async (t) => {
    const groups = Array.from({ length: 65_536 }, (_, at) => 1_000_000 + at).join(' ')
    const table = await processTable(t, { 700: { name: 'app', groups } })
    const [process] = (await processesFromProc(700, containerId, table)) ?? []
    assert.deepEqual([process?.user.uid, process?.user.groups.length], [7, 1000])
  })
})
