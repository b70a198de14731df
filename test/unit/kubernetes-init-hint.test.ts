/** What a shell in a pod says of an init whose application it can't look into: nobody can know that before it has started. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { enterFiles, placeArguments } from '../../server/drivers/kubernetes/debug/launch.ts'

const run = promisify(execFile)
const launch = { deadlineSeconds: 1, claimSeconds: 1, unseen: 'unseen', unshared: 'unshared', argv: [] }

interface Process {
  name: string
  children?: readonly number[]
  /** What another of its threads has started (Go's programs start others from any). */
  byThread?: readonly number[]
  /** Its environment can't be opened, as by another user. */
  closed?: boolean
}

/** A process table as proc(5) has it, in a directory. */
async function processTable(t: TestContext, processes: Record<number, Process>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-proc-'))
  t.after(() => rm(directory, { recursive: true }))
  await mkdir(join(directory, '1', 'root'), { recursive: true })
  for (const [pid, { name, children = [], byThread = [], closed = false }] of Object.entries(processes)) {
    const own = join(directory, pid)
    await mkdir(join(own, 'task', pid), { recursive: true })
    await writeFile(join(own, 'comm'), `${name}\n`)
    // A blank after each, and no line end.
    const list = (pids: readonly number[]) => pids.map((child) => `${child} `).join('')
    await writeFile(join(own, 'task', pid, 'children'), list(children))
    await mkdir(join(own, 'task', `${pid}99`))
    await writeFile(join(own, 'task', `${pid}99`, 'children'), list(byThread))
    if (!closed) await writeFile(join(own, 'environ'), '')
  }
  return directory
}

const node = { name: 'node', closed: true }

for (const shell of [['/bin/dash'], ['/bin/bash'], ['/bin/busybox', 'sh']]) {
  describe(`a shell in a pod, under ${shell.join(' ')}`, { concurrency: true }, () => {
    const begin = async (t: TestContext, processes: Record<number, Process>, interactive = true) => {
      const script = enterFiles.replaceAll('/proc/', `${await processTable(t, processes)}/`)
      const [program = '', ...flags] = shell
      const own = placeArguments({ ...launch, interactive })
      return await run(program, [...flags, '-c', script, 'hatchway', ...own], { timeout: 15_000 })
    }

    it('says that it cannot look into what an init has started as somebody else', async (t) => {
      const { stdout, stderr } = await begin(t, { 1: { name: 'tini', children: [7] }, 7: node })
      assert.match(
        stdout,
        /Process 1 is an init\. Below it process 7 \(node\) runs as somebody else: .* The profile general may\.\n$/,
      )
      assert.equal(stderr, '')
    })

    it('looks through what supervises for an init', async (t) => {
      const { stdout } = await begin(t, {
        1: { name: 's6-svscan', children: [2] },
        2: { name: 's6-supervise', children: [9] },
        9: node,
      })
      assert.match(stdout, /Below it process 9 \(node\)/)
    })

    it('looks at what any thread of an init has started', async (t) => {
      const { stdout } = await begin(t, { 1: { name: 'supervisord', byThread: [7] }, 7: node })
      assert.match(stdout, /Below it process 7 \(node\)/)
    })

    it('says nothing where it can look, where there is no init, and to no command', async (t) => {
      const open = { 1: { name: 'tini', children: [7] }, 7: { name: 'node' } }
      assert.doesNotMatch((await begin(t, open)).stdout, /init/)
      assert.doesNotMatch((await begin(t, { 1: { name: 'nginx', children: [7] }, 7: node })).stdout, /init/)
      const closed = { 1: { name: 'tini', children: [7] }, 7: node }
      assert.equal((await begin(t, closed, false)).stdout, '')
    })

    it('prints no name that is more than a word, and looks at twenty of a list', async (t) => {
      const hostile = { 1: { name: 'tini', children: [7] }, 7: { name: '\u001b[2Jx', closed: true } }
      assert.match((await begin(t, hostile)).stdout, /process 7 \(\?\) runs/)
      const many = Array.from({ length: 30 }, (_, at) => at + 2)
      const processes: Record<number, Process> = { 1: { name: 'tini', children: many } }
      for (const pid of many) processes[pid] = { name: 'worker', closed: pid > 21 }
      assert.doesNotMatch((await begin(t, processes)).stdout, /init/)
    })
  })
}
