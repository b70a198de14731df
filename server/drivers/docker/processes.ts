import type { DockerClient } from './client.ts'
import type { Inspected } from './read.ts'
import { mostGroups, processesFromProc } from './proc-user.ts'
import { readList, readRecord, readText } from '../shared/read-json.ts'
import { SharedLooks } from './shared-looks.ts'
import type { ListedProcess } from './target-process.ts'

/** Of this host's own /proc. */
const ownLooks = new SharedLooks()

/** A container's processes, with their numbers there where the engine runs beside the gateway. Empty when they can't be listed. */
export async function listProcesses(
  client: DockerClient,
  info: Inspected,
  signal: AbortSignal,
): Promise<ListedProcess[]> {
  const { Id: id, State } = info
  const walk = async () => await processesFromProc(State.Pid, id)
  const here = client.local ? await ownLooks.ask(`${id} ${State.Pid}`, walk) : undefined
  return here ?? (await processesByEngine(client, id, signal))
}

/** A container's processes as the engine's `ps` lists them. Empty when there are none to be listed, or not by this `ps`. */
export async function processesByEngine(
  client: DockerClient,
  id: string,
  signal: AbortSignal,
): Promise<ListedProcess[]> {
  return readProcesses(await askForProcesses(client, id, signal))
}

/** So many of a list are looked at, in the order of their numbers: what a target starts is its own choice. */
const mostProcesses = 2000

/** Characters; the kernel keeps 15 bytes. */
const longestName = 64

/** What the engine's `ps` says of a container. */
type Processes = { titles: string[]; rows: string[][] } | undefined

async function askForProcesses(client: DockerClient, id: string, signal: AbortSignal): Promise<Processes> {
  const query = { ps_args: '-o pid,ppid,euid,egid,supgid,comm' }
  const question = { path: `/containers/${id}/top`, query, doing: 'list the processes' }
  try {
    const answer = readRecord(await client.look({ ...question, signal, timeoutMs: 5_000 }))
    const rows = readList(answer['Processes']).slice(0, mostProcesses)
    // By their place: one that is no text must not move the others.
    const texts = (cells: unknown) => readList(cells).map(readText)
    return { titles: texts(answer['Titles']), rows: rows.map(texts) }
  } catch {
    return undefined
  }
}

function readProcesses(answer: Processes): ListedProcess[] {
  const column = (title: string) => answer?.titles.indexOf(title) ?? -1
  const numbers = ['PID', 'PPID', 'EUID', 'EGID'].map(column)
  return (answer?.rows ?? []).flatMap((row) => {
    const [pid = NaN, parent = NaN, uid = NaN, gid = NaN] = numbers.map((at) => numberIn(row[at]))
    const name = (row[column('COMMAND')] ?? '').slice(0, longestName)
    // One that has ended, and that nobody has waited for, has nothing to look at.
    if (![pid, parent, uid, gid].every(Number.isSafeInteger) || name.endsWith('<defunct>')) return []
    const groups = (row[column('SUPGID')] ?? '').split(',', mostGroups).filter((text) => /^\d+$/.test(text))
    const user = { uid, gid, groups: groups.map(Number).filter((group) => group !== gid) }
    return [{ pid, parent, name, user }]
  })
}

/** NaN for what is no whole number. */
function numberIn(text = ''): number {
  return /^\d+$/.test(text.trim()) ? Number(text) : NaN
}
