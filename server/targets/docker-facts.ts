import { buffer } from 'node:stream/consumers'
import { HatchwayError } from '../core/errors.ts'
import type { DockerClient } from './docker-client.ts'
import { throwIfCancelled } from './docker-errors.ts'
import type { TargetFacts } from './docker-identity.ts'
import { readInspected, requireTold, type Inspected } from './docker-read.ts'
import { userFromProc } from './proc-user.ts'
import { userToDebug, type ListedProcess, type LiveUser } from './target-process.ts'
import { readList, readRecord, readTexts } from './read-json.ts'
import { readFirstFile } from './tar.ts'
import { needsFiles, resolveGroups, resolveUser, type ResolvedUser } from './user-database.ts'

/** Larger user databases than this are not read. */
const maxFileBytes = 1024 * 1024

/** A container as the engine describes it now. Throws `target_not_found`. */
export async function inspectContainer(
  client: DockerClient,
  id: string,
  signal: AbortSignal,
): Promise<Inspected> {
  const path = `/containers/${encodeURIComponent(id)}/json`
  const answer = await client.look({ path, doing: 'describe the container', signal })
  return readInspected(answer, client.environment)
}

/** What the choice of an identity needs. The live process decides, unless it is `known`; the configuration is second best. */
export async function readFacts(
  client: DockerClient,
  info: Inspected,
  signal: AbortSignal,
  known?: LiveUser,
): Promise<TargetFacts> {
  requireTold(info, client.environment)
  const options = info.HostConfig
  const security: readonly string[] = options.SecurityOpt ?? []
  const privileged = options.Privileged ?? false
  const [found, engineConfines] = await Promise.all([
    known ?? readUser(client, info, signal).catch((cause: unknown) => asUnknownUser(cause)),
    usesAppArmor(client, info, signal),
  ])
  return {
    ...(typeof found === 'string' ? { unknownUser: found } : { user: found }),
    capabilities: { add: options.CapAdd ?? [], drop: options.CapDrop ?? [] },
    privileged,
    borrowedPid: options.PidMode?.startsWith('container:') ?? false,
    unconfined:
      engineConfines && (privileged || security.some((item) => /^apparmor[=:]unconfined$/.test(item))),
  }
}

/**
 * The ids of the target's process to debug. Throws when they can't be found out.
 * With user namespaces, this host's ids mean nothing in a container.
 */
export async function readUser(
  client: DockerClient,
  info: Inspected,
  signal: AbortSignal,
): Promise<LiveUser> {
  const remapped = info.HostConfig.UsernsMode !== 'host' && (await usesUserNamespaces(client, signal))
  const live = remapped ? undefined : await readLiveUser(client, info, signal)
  throwIfCancelled(signal, 'look at the target')
  return live ?? (await readConfiguredUser(client, info, signal))
}

async function readLiveUser(
  client: DockerClient,
  info: Inspected,
  signal: AbortSignal,
): Promise<LiveUser | undefined> {
  const { Pid: pid } = info.State
  const here = client.local ? await userFromProc(pid, info.Id) : undefined
  return here ?? userToDebug(readProcesses(await listProcesses(client, info.Id, signal)), pid)
}

/** What the engine's `ps` says of a container. */
type Processes = { titles: string[]; rows: string[][] } | undefined

/** Undefined when there are none to be listed, or not by this `ps`. */
async function listProcesses(client: DockerClient, id: string, signal: AbortSignal): Promise<Processes> {
  const query = { ps_args: '-o pid,ppid,euid,egid,supgid,comm' }
  const call = { method: 'GET', path: `/containers/${id}/top`, query, doing: 'list the processes' } as const
  try {
    const answer = readRecord(await client.json({ ...call, signal, timeoutMs: 5_000 }))
    return { titles: readTexts(answer['Titles']), rows: readList(answer['Processes']).map(readTexts) }
  } catch {
    return undefined
  }
}

function readProcesses(answer: Processes): ListedProcess[] {
  const column = (title: string) => answer?.titles.indexOf(title) ?? -1
  const numbers = ['PID', 'PPID', 'EUID', 'EGID'].map(column)
  return (answer?.rows ?? []).flatMap((row) => {
    const [pid = 0, parent = 0, uid = 0, gid = 0] = numbers.map((at) => Number(row[at]))
    if (![pid, parent, uid, gid].every(Number.isSafeInteger)) return []
    const groups = (row[column('SUPGID')] ?? '').split(',').filter((text) => /^\d+$/.test(text))
    const user = { uid, gid, groups: groups.map(Number).filter((group) => group !== gid) }
    return [{ pid, parent, name: row[column('COMMAND')] ?? '', user }]
  })
}

async function readConfiguredUser(
  client: DockerClient,
  info: Inspected,
  signal: AbortSignal,
): Promise<ResolvedUser> {
  const { User: configured } = info.Config
  const groupAdd = info.HostConfig.GroupAdd ?? []
  // A number alone also takes its group from the file, but does without it.
  const [passwd, group] = await Promise.all([
    readFile(client, info.Id, '/etc/passwd', signal),
    readFile(client, info.Id, '/etc/group', signal),
  ])
  const user = resolveUser(configured, passwd ?? '', group ?? '')
  if (user === undefined || (passwd === undefined && needsFiles(configured.split(':')[0] ?? '', []))) {
    const why =
      passwd === undefined ? 'it has no /etc/passwd' : 'its /etc/passwd and /etc/group do not know it'
    throw new HatchwayError(
      'profile_insufficient',
      `The target's user is the name "${configured}", and ${why}.`,
    )
  }
  const groups = new Set([...user.groups, ...resolveGroups(groupAdd, group ?? '')])
  groups.delete(user.gid)
  return { ...user, groups: [...groups] }
}

/** A small file of a container, shell or not; undefined when there is none. */
async function readFile(
  client: DockerClient,
  id: string,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const query = { path }
    const call = {
      method: 'GET',
      path: `/containers/${id}/archive`,
      query,
      doing: `read ${path} of the target`,
    } as const
    const stream = await client.stream({ ...call, signal, timeoutMs: 5_000 })
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxFileBytes) stream.destroy(new Error(`${path} is too large`))
    })
    return readFirstFile(await buffer(stream))?.toString('utf8')
  } catch (cause) {
    if (signal.aborted || (cause instanceof HatchwayError && cause.code === 'backend_unavailable'))
      throw cause
    return undefined
  }
}

function asUnknownUser(cause: unknown): string {
  if (cause instanceof HatchwayError && cause.code === 'profile_insufficient') return cause.message
  throw cause
}

async function usesUserNamespaces(client: DockerClient, signal: AbortSignal): Promise<boolean> {
  return (await client.securityOptions(signal)).some((option) => option.startsWith('name=userns'))
}

async function usesAppArmor(client: DockerClient, info: Inspected, signal: AbortSignal): Promise<boolean> {
  if (info.AppArmorProfile === '') return false
  return (await client.securityOptions(signal)).some((option) => option.startsWith('name=apparmor'))
}
