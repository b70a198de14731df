import { open, readFile } from 'node:fs/promises'
import { isInit, userToDebug, type ListedProcess, type LiveUser } from './target-process.ts'
import type { ResolvedUser } from './user-database.ts'

/** So many processes are looked at, and so much is read of each list of them: what a target starts is its own choice. */
const mostProcesses = 100
const mostToChoose = 500
const mostBytes = 4096
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
  })
  return found && userToDebug(found, pid)
}

/** A container's processes from this host's own /proc, its first one first: all that it has started, or the first 500 of them. */
export async function processesFromProc(
  pid: number,
  containerId: string,
): Promise<ListedProcess[] | undefined> {
  return await walk(pid, containerId, { most: mostToChoose, isLookedInto: () => true })
}

interface Walk {
  most: number
  isLookedInto: (process: ListedProcess) => boolean
}

async function walk(
  pid: number,
  containerId: string,
  { most, isLookedInto }: Walk,
): Promise<ListedProcess[] | undefined> {
  if (pid <= 0) return undefined
  const first = await readProcess(pid, 0, containerId)
  if (first === undefined) return undefined
  const found = [first]
  for (const each of found) {
    if (!isLookedInto(each) || found.length >= most) continue
    const children = (await childrenOf(each.pid)).slice(0, most - found.length)
    for (let at = 0; at < children.length; at += atOnce) {
      const read = children.slice(at, at + atOnce).map((child) => readProcess(child, each.pid, containerId))
      found.push(...(await Promise.all(read)).filter((child) => child !== undefined))
    }
  }
  return found
}

async function readProcess(
  pid: number,
  parent: number,
  containerId: string,
): Promise<ListedProcess | undefined> {
  try {
    const [cgroup, status] = await Promise.all([
      readFile(`/proc/${pid}/cgroup`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ])
    const user = parseStatus(status)
    if (!cgroup.includes(containerId) || user === undefined || /^State:\tZ/m.test(status)) return undefined
    const innerPid = Number(/^NSpid:.*\t(\d+)$/m.exec(status)?.[1] ?? Number.NaN)
    const name = /^Name:\t(.*)$/m.exec(status)?.[1] ?? ''
    return { pid, parent, name, user, ...(Number.isSafeInteger(innerPid) && { innerPid }) }
  } catch {
    return undefined
  }
}

/** In the order in which they were started. Empty where the kernel does not tell. */
async function childrenOf(pid: number): Promise<number[]> {
  try {
    await using file = await open(`/proc/${pid}/task/${pid}/children`)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes), 0, mostBytes, 0)
    // What follows the last blank may be half a number.
    const whole = buffer.toString('latin1', 0, bytesRead).replace(/\d*$/, '')
    return whole.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Effective ids and supplementary groups of a /proc/<pid>/status; undefined when they are not in it. */
export function parseStatus(status: string): ResolvedUser | undefined {
  // Each line has four ids: real, effective, saved, file system.
  const uid = effective(/^Uid:\t(.*)$/m.exec(status)?.[1])
  const gid = effective(/^Gid:\t(.*)$/m.exec(status)?.[1])
  const groups = /^Groups:\t(.*)$/m.exec(status)?.[1]?.trim()
  if (uid === undefined || gid === undefined || groups === undefined) return undefined
  const ids = groups === '' ? [] : groups.split(' ').map(Number)
  return { uid, gid, groups: ids.filter((group) => group !== gid) }
}

function effective(ids: string | undefined): number | undefined {
  const id = Number(ids?.split('\t')[1] ?? Number.NaN)
  return Number.isSafeInteger(id) ? id : undefined
}
