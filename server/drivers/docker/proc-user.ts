import { open, opendir } from 'node:fs/promises'
import { isInit, userToDebug, type ListedProcess, type LiveUser } from './target-process.ts'
import type { ResolvedUser } from '../shared/user-database.ts'

/** So many processes are looked at, and so much is read of each list of them: what a target starts is its own choice. */
const mostProcesses = 100
const mostToChoose = 500
const mostThreads = 1000
const processTable = '/proc'
const mostBytes = 4096
/** Of one process: the kernel takes 65,536 groups, whose line alone has 720 KB. */
const mostStatusBytes = 16 * 1024
export const mostGroups = 1000
/** Files that are read at once: there are four threads for it, and they are everybody's. */
const atOnce = 8

/**
 * The user of a container's process to debug from this host's own /proc (proc(5)), which takes no time; undefined when the
 * gateway does not share the engine's process table, as inside a container. That a process is the container's is
 * read from its cgroup, never assumed: a pid means something only where it was given out.
 */
export async function userFromProc(pid: number, containerId: string): Promise<LiveUser | undefined> {
  // Only what an init has started is looked for further down.
  const found = await walk(pid, containerId, {
    most: mostProcesses,
    isLookedInto: ({ name }) => isInit(name),
    table: processTable,
  })
  return found && userToDebug(found, pid)
}

/** A container's processes from this host's own /proc, its first one first: all that it has started, or the first 500 of them. */
export async function processesFromProc(
  pid: number,
  containerId: string,
  table = processTable,
): Promise<ListedProcess[] | undefined> {
  return await walk(pid, containerId, { most: mostToChoose, isLookedInto: () => true, table })
}

interface Walk {
  most: number
  isLookedInto: (process: ListedProcess) => boolean
  table: string
}

async function walk(
  pid: number,
  containerId: string,
  { most, isLookedInto, table }: Walk,
): Promise<ListedProcess[] | undefined> {
  if (pid <= 0) return undefined
  const first = await readProcess(table, pid, 0, containerId)
  if (first === undefined) return undefined
  // A process may have namespaces of its own below the target's: its number there is not the one that `ps` shows beside it.
  const depth = first.numbers.length
  const found = [withoutNumbers(first, depth)]
  let threads = mostThreads
  for (const each of found) {
    if (!isLookedInto(each) || found.length >= most) continue
    const tasks = await tasksOf(table, each.pid, threads)
    threads -= tasks.length
    const children = (
      await Promise.all(tasks.map((task) => childrenOf(`${table}/${each.pid}/task/${task}`)))
    ).flat()
    children.length = Math.min(children.length, most - found.length)
    for (let at = 0; at < children.length; at += atOnce) {
      const some = children.slice(at, at + atOnce)
      const read = some.map((child) => readProcess(table, child, each.pid, containerId))
      for (const child of await Promise.all(read)) if (child) found.push(withoutNumbers(child, depth))
    }
  }
  return found
}

/** With its number in each process namespace from the host's to its own. */
type ReadProcess = Omit<ListedProcess, 'innerPid'> & { numbers: number[] }

function withoutNumbers({ numbers, ...process }: ReadProcess, depth: number): ListedProcess {
  const innerPid = numbers[depth - 1]
  return { ...process, ...(innerPid !== undefined && { innerPid }) }
}

async function readProcess(
  table: string,
  pid: number,
  parent: number,
  containerId: string,
): Promise<ReadProcess | undefined> {
  try {
    const [cgroup, status] = await Promise.all([
      beginningOf(`${table}/${pid}/cgroup`, mostStatusBytes),
      beginningOf(`${table}/${pid}/status`, mostStatusBytes),
    ])
    const user = parseStatus(status)
    if (!cgroup.includes(containerId) || user === undefined || /^State:\tZ/m.test(status)) return undefined
    const numbers = /^NSpid:\t(\d[\d\t]*)$/m.exec(status)?.[1]?.split('\t').map(Number) ?? []
    const name = /^Name:\t(.*)$/m.exec(status)?.[1] ?? ''
    return { pid, parent, name, user, numbers }
  } catch {
    return undefined
  }
}

/** The process's first thread first. Of very many threads, some. */
async function tasksOf(table: string, pid: number, most: number): Promise<number[]> {
  const tasks: number[] = []
  try {
    for await (const { name } of await opendir(`${table}/${pid}/task`)) {
      if (tasks.length >= most) break
      tasks.push(Number(name))
    }
  } catch {
    // It has ended.
  }
  return tasks
}

/** What this thread has started, in that order. Empty where the kernel does not tell. */
async function childrenOf(thread: string): Promise<number[]> {
  try {
    // What follows the last blank may be half a number.
    const whole = (await beginningOf(`${thread}/children`, mostBytes)).replace(/\d*$/, '')
    return whole.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

async function beginningOf(path: string, most: number): Promise<string> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(most), 0, most, 0)
  return buffer.toString('utf8', 0, bytesRead)
}

/** Effective ids and supplementary groups of a /proc/<pid>/status; undefined when they are not in it. */
export function parseStatus(status: string): ResolvedUser | undefined {
  // Each line has four ids: real, effective, saved, file system.
  const uid = effective(/^Uid:\t(.*)$/m.exec(status)?.[1])
  const gid = effective(/^Gid:\t(.*)$/m.exec(status)?.[1])
  const groups = /^Groups:\t(.*)$/m.exec(status)?.[1]?.trim()
  if (uid === undefined || gid === undefined || groups === undefined) return undefined
  const ids = groups === '' ? [] : groups.split(' ', mostGroups).map(Number)
  return { uid, gid, groups: ids.filter((group) => group !== gid) }
}

function effective(ids: string | undefined): number | undefined {
  const id = Number(ids?.split('\t')[1] ?? Number.NaN)
  return Number.isSafeInteger(id) ? id : undefined
}
