import { buffer } from 'node:stream/consumers'
import { HatchwayError } from '../../core/errors.ts'
import type { ProcessWish, TargetProcesses } from '../../core/identity.ts'
import type { DockerClient } from './client.ts'
import { throwIfCancelled } from './errors.ts'
import type { TargetFacts } from './identity.ts'
import { readInspected, requireTold, type Inspected } from './read.ts'
import { listProcesses, processesByEngine } from './processes.ts'
import { userFromProc } from './proc-user.ts'
import { chooseProcess, offeredProcesses, userToDebug, type LiveUser } from './target-process.ts'
import { readFirstFile } from './tar.ts'
import { needsFiles, resolveGroups, resolveUser, type ResolvedUser } from '../shared/user-database.ts'

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

/**
 * What the choice of an identity needs. The live process decides, unless its user is `known`; the configuration is second best.
 * Throws `process_not_found` for a process that is asked for and not there.
 */
export async function readFacts(
  client: DockerClient,
  info: Inspected,
  signal: AbortSignal,
  { known, process }: { known?: LiveUser; process?: ProcessWish | undefined } = {},
): Promise<TargetFacts> {
  requireTold(info, client.environment)
  const options = info.HostConfig
  const security: readonly string[] = options.SecurityOpt ?? []
  const privileged = options.Privileged ?? false
  const [users, engineConfines] = await Promise.all([
    process === undefined
      ? readFoundUser(client, info, signal, known)
      : readChosenUser(client, info, signal, process),
    usesAppArmor(client, info, signal),
  ])
  return {
    ...users,
    capabilities: { add: options.CapAdd ?? [], drop: options.CapDrop ?? [] },
    privileged,
    borrowedPid: options.PidMode?.startsWith('container:') ?? false,
    unconfined:
      engineConfines && (privileged || security.some((item) => /^apparmor[=:]unconfined$/.test(item))),
  }
}

type Users = Pick<TargetFacts, 'user' | 'unknownUser' | 'foundUser'>

async function readFoundUser(
  client: DockerClient,
  info: Inspected,
  signal: AbortSignal,
  known: LiveUser | undefined,
): Promise<Users> {
  if (known !== undefined) return { user: known }
  return await readUser(client, info, signal).then(
    (user) => ({ user }),
    (cause: unknown) => ({ unknownUser: asUnknownUser(cause) }),
  )
}

/** Both from one look, so that what is judged is what is taken. */
async function readChosenUser(
  client: DockerClient,
  info: Inspected,
  signal: AbortSignal,
  process: ProcessWish,
): Promise<Users> {
  const processes = await readProcesses(client, info, signal)
  const user = chooseProcess(processes, info.State.Pid, process)
  const foundUser = userToDebug(processes, info.State.Pid)
  return { user, ...(foundUser !== undefined && { foundUser }) }
}

/** The processes of a container, to choose from; undefined when they can't be told. */
export async function readOffered(
  client: DockerClient,
  info: Inspected,
  signal: AbortSignal,
): Promise<TargetProcesses | undefined> {
  const processes = await readProcesses(client, info, signal)
  return processes.length === 0 ? undefined : offeredProcesses(processes, info.State.Pid)
}

async function readProcesses(client: DockerClient, info: Inspected, signal: AbortSignal) {
  const processes = (await isRemapped(client, info, signal)) ? [] : await listProcesses(client, info, signal)
  throwIfCancelled(signal, 'look at the target')
  return processes
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
  const remapped = await isRemapped(client, info, signal)
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
  return here ?? userToDebug(await processesByEngine(client, info.Id, signal), pid)
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

async function isRemapped(client: DockerClient, info: Inspected, signal: AbortSignal): Promise<boolean> {
  if (info.HostConfig.UsernsMode === 'host') return false
  return (await client.securityOptions(signal)).some((option) => option.startsWith('name=userns'))
}

async function usesAppArmor(client: DockerClient, info: Inspected, signal: AbortSignal): Promise<boolean> {
  if (info.AppArmorProfile === '') return false
  return (await client.securityOptions(signal)).some((option) => option.startsWith('name=apparmor'))
}
