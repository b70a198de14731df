import { inOrder, powerFacts, type FoundFacts } from '../../core/target-facts.ts'
import type { DockerClient } from './client.ts'
import { inspectContainer } from './facts.ts'
import type { Inspected } from './read.ts'
import { factsOfDevice, factsOfMount } from '../shared/host-mounts.ts'
import { limitConcurrency } from '../shared/limit-concurrency.ts'
import { readList, readRecord, readText, readTextRecord, readTexts } from '../shared/read-json.ts'
import { addsPower, isUnconfinedType } from '../shared/risky-options.ts'

type Options = Inspected['HostConfig']
type Mount = Inspected['Mounts'][number]
/** A volume's own options: with them the engine's `local` driver mounts any place of the host (moby volume/local). */
type VolumeOptions = Readonly<Record<string, string>>

/** What the engine says of other containers and of volumes; undefined for what it does not know any more. */
export interface Lookups {
  /** By name, id or beginning of an id. */
  container(reference: string): Promise<Inspected | undefined>
  volume(name: string): Promise<{ options: VolumeOptions } | undefined>
  /** The engine maps user ids. */
  remaps: boolean
  /** The socket by which the engine is reached, if that is one. */
  sockets: readonly string[]
}

/** Containers that share one namespace with a target, itself first, and whose namespace it is in the end. */
interface Chain {
  members: readonly Inspected[]
  ends: 'container' | 'host' | 'unknown'
}

/** Longer chains than this nobody makes. */
const maxMembers = 16
const simultaneous = 4
const volumeMs = 5_000

/**
 * The facts of a container, as it and all whose processes it shares are described now. What the engine does not tell of
 * others is among the unknown ones. Throws when aborted.
 */
export async function readTargetFacts(
  client: DockerClient,
  info: Inspected,
  signal: AbortSignal,
): Promise<FoundFacts> {
  const limit = limitConcurrency(simultaneous)
  const unlessAborted = (cause: unknown): undefined => {
    if (signal.aborted) throw cause
    return undefined
  }
  const known = new Map<string, Promise<Inspected | undefined>>()
  return await factsOfContainer(info, {
    container: (reference) => {
      const asked = known.get(reference) ?? inspectContainer(client, reference, signal).catch(unlessAborted)
      known.set(reference, asked)
      return asked
    },
    volume: async (name) => {
      const path = `/volumes/${encodeURIComponent(name)}`
      const call = { method: 'GET', path, doing: 'describe a volume', signal, timeoutMs: volumeMs } as const
      const ask = () => client.json<unknown>(call)
      const found = await limit(ask).catch(unlessAborted)
      return found === undefined ? undefined : { options: readTextRecord(readRecord(found)['Options']) }
    },
    remaps: (await client.securityOptions(signal)).some((option) => option.startsWith('name=userns')),
    sockets: client.endpoint.kind === 'unix' ? [client.endpoint.path] : [],
  })
}

/**
 * The same, by what is looked up. Whoever shares the target's processes gives what it has to a shell that sees them: so all
 * along `pid: container:…` count, a chain's end decides about the host's processes, and a chain that can't be followed to
 * its end leaves open what there is.
 */
export async function factsOfContainer(info: Inspected, lookups: Lookups): Promise<FoundFacts> {
  const [pid, network, ipc] = await Promise.all([
    follow(info, 'PidMode', lookups),
    follow(info, 'NetworkMode', lookups),
    follow(info, 'IpcMode', lookups),
  ])
  const own = await Promise.all(pid.members.map((member) => ownFacts(member, lookups)))
  const facts = inOrder([
    ...own.flatMap((found) => found.facts),
    ...(pid.ends === 'host' ? (['hostPid'] as const) : []),
    ...(network.ends === 'host' ? (['hostNetwork'] as const) : []),
    // The engine mounts the host's /dev/shm there (moby daemon, setupIPCDirs).
    ...(ipc.ends === 'host' ? (['hostPath'] as const) : []),
    ...(lookups.remaps && info.HostConfig.UsernsMode !== 'host' ? (['userNamespace'] as const) : []),
  ])
  const unknown = [
    ...own.flatMap((found) => found.unknownFacts),
    ...(pid.ends === 'unknown' ? powerFacts : []),
    ...(network.ends === 'unknown' || info.untold.includes('HostConfig') ? (['hostNetwork'] as const) : []),
    ...(ipc.ends === 'unknown' ? (['hostPath'] as const) : []),
  ]
  return { facts, unknownFacts: inOrder(unknown.filter((fact) => !facts.includes(fact))) }
}

async function follow(
  info: Inspected,
  mode: 'PidMode' | 'NetworkMode' | 'IpcMode',
  lookups: Lookups,
): Promise<Chain> {
  const members = [info]
  for (let last = info; ;) {
    const value = last.HostConfig[mode] ?? ''
    if (value === 'host') return { members, ends: 'host' }
    if (!value.startsWith('container:')) return { members, ends: 'container' }
    const reference = value.slice('container:'.length)
    const next = await lookups.container(reference)
    const isLoop = members.some(({ Id }) => Id === next?.Id)
    if (next === undefined || isLoop || members.length >= maxMembers) return { members, ends: 'unknown' }
    if (!isTheOneJoined(last, next, reference)) return { members: [...members, next], ends: 'unknown' }
    members.push(next)
    last = next
  }
}

/**
 * An id is one container for good. A name, which some engines keep as it was given, may be another's by now: one that was
 * started after the container that joined it is not the one.
 */
function isTheOneJoined(joining: Inspected, found: Inspected, reference: string): boolean {
  if (found.Id === reference) return true
  const [joinedAt, startedAt] = [Date.parse(joining.State.StartedAt), Date.parse(found.State.StartedAt)]
  return startedAt <= joinedAt && found.State.Running
}

async function ownFacts(info: Inspected, lookups: Lookups): Promise<FoundFacts> {
  const options = info.HostConfig
  if (info.untold.includes('HostConfig')) return { facts: [], unknownFacts: powerFacts }
  const mounts = await Promise.all(info.Mounts.map((mount) => factsOfMounted(mount, lookups)))
  const devices = readList(options.Devices).map((device) => readText(readRecord(device)['PathOnHost']))
  const hasRules = readList(options.DeviceCgroupRules).length > 0
  return {
    facts: [
      ...(options.Privileged === true ? (['privileged'] as const) : []),
      ...mounts.flatMap((found) => found.facts),
      ...devices.flatMap(factsOfDevice),
      ...(hasRules ? (['hostPath'] as const) : []),
      ...(addsPower(readTexts(options.CapAdd)) ? (['extraCapabilities'] as const) : []),
      ...(isUnconfined(options) ? (['unconfined'] as const) : []),
    ],
    unknownFacts: mounts.flatMap((found) => found.unknownFacts),
  }
}

async function factsOfMounted(mount: Mount, lookups: Lookups): Promise<FoundFacts> {
  const { sockets } = lookups
  const destination = readText(mount.Destination)
  // What is not told may be written, and may be anything.
  const writable = (mount.RW as unknown) !== false
  const none = { facts: [], unknownFacts: [] }
  if (mount.Type === 'bind') {
    const source = readText(mount.Source) || '/'
    return { ...none, facts: factsOfMount({ source, destination, writable }, sockets) }
  }
  // Other drivers' volumes are elsewhere.
  if (mount.Type !== 'volume' || (readText(mount.Driver) || 'local') !== 'local') return none
  const found = await lookups.volume(readText(mount.Name))
  if (found === undefined) return { facts: [], unknownFacts: ['hostPath', 'engineSocket'] }
  const { device = '', type = '' } = found.options
  if (!device.startsWith('/') || /^(nfs4?|cifs|smb3?|tmpfs)$/.test(type)) return none
  return { ...none, facts: factsOfMount({ source: device, destination, writable }, sockets) }
}

/** By its own wish. What the engine gives every container, or none, is what a debug container gets too. */
function isUnconfined(options: Options): boolean {
  const security = readTexts(options.SecurityOpt)
  // The engine itself adds `label=disable` to these, which are facts of their own (moby daemon, generateSecurityOpt).
  const labelsMatter = options.PidMode !== 'host' && options.IpcMode !== 'host' && options.Privileged !== true
  const isUnmasked = Array.isArray(options.MaskedPaths) && options.MaskedPaths.length === 0
  return (isUnmasked && options.Privileged !== true) || security.some((item) => takesAway(item, labelsMatter))
}

function takesAway(option: string, labelsMatter: boolean): boolean {
  const [, name = '', value = ''] = /^([\w-]+)[=:](.*)$/s.exec(option) ?? []
  if (name === 'seccomp') return value === 'unconfined' || allowsByDefault(value)
  if (name === 'apparmor' || name === 'systempaths') return value === 'unconfined'
  if (name !== 'label' || !labelsMatter) return false
  return value === 'disable' || (value.startsWith('type:') && isUnconfinedType(value.slice('type:'.length)))
}

/** The engine keeps a seccomp profile as its text; one that it would not have taken confines nothing that we know of. */
function allowsByDefault(profile: string): boolean {
  if (!profile.trimStart().startsWith('{')) return false
  try {
    const { defaultAction } = JSON.parse(profile) as { defaultAction?: unknown }
    return defaultAction === 'SCMP_ACT_ALLOW' || defaultAction === 'SCMP_ACT_LOG'
  } catch {
    return true
  }
}
