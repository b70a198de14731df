import type { ContainerInfo, ContainerInspectInfo } from 'dockerode'
import { HatchwayError } from '../../core/errors.ts'
import { readList, readNumber, readRecord, readText, readTextRecord, readTexts } from '../shared/read-json.ts'

/** A container as the engine describes it. What it left out reads as nothing; `untold` names the parts that decide something. */
export type Inspected = ContainerInspectInfo & { untold: readonly ('State' | 'HostConfig' | 'Config')[] }

/** One line of the engine's list; undefined for one that names no container. */
export function readRow(value: unknown): ContainerInfo | undefined {
  const row = readRecord(value)
  const Id = readText(row['Id'])
  if (Id === '') return undefined
  return {
    // Kept as it came: what is not read here nobody relies on.
    ...(row as unknown as ContainerInfo),
    Id,
    Names: readTexts(row['Names']),
    Image: readText(row['Image']),
    ImageID: readText(row['ImageID']),
    Created: readNumber(row['Created']),
    Ports: readList(row['Ports']).map(readPort),
    Labels: readTextRecord(row['Labels']),
    State: readText(row['State']),
    Status: readText(row['Status']),
    HostConfig: { NetworkMode: readText(readRecord(row['HostConfig'])['NetworkMode']) },
  }
}

function readPort(value: unknown): ContainerInfo['Ports'][number] {
  const port = readRecord(value)
  return {
    IP: readText(port['IP']),
    PrivatePort: readNumber(port['PrivatePort']),
    PublicPort: readNumber(port['PublicPort']),
    Type: readText(port['Type']) || 'tcp',
  }
}

/** An inspected container. Throws `backend_unavailable` for an answer that names none. */
export function readInspected(value: unknown, environment: string): Inspected {
  const info = readRecord(value)
  const Id = readText(info['Id'])
  if (Id === '') {
    throw new HatchwayError(
      'backend_unavailable',
      `The engine of ${environment} described a container without naming it. See what answers there, then try again.`,
    )
  }
  const parts = ['State', 'HostConfig', 'Config'] as const
  return {
    ...(info as unknown as ContainerInspectInfo),
    Id,
    Name: readText(info['Name']),
    Image: readText(info['Image']),
    State: readState(info['State']),
    HostConfig: readHostConfig(info['HostConfig']),
    Config: readConfig(info['Config']),
    Mounts: readList(info['Mounts']).map((mount) => readRecord(mount)) as unknown as Inspected['Mounts'],
    untold: parts.filter((part) => Object.keys(readRecord(info[part])).length === 0),
  }
}

function readState(value: unknown): Inspected['State'] {
  const state = readRecord(value)
  return {
    ...(state as unknown as Inspected['State']),
    Status: readText(state['Status']),
    Running: state['Running'] === true,
    Paused: state['Paused'] === true,
    Restarting: state['Restarting'] === true,
    OOMKilled: state['OOMKilled'] === true,
    Pid: readNumber(state['Pid']),
    ExitCode: readNumber(state['ExitCode']),
    StartedAt: readText(state['StartedAt']),
    FinishedAt: readText(state['FinishedAt']),
  }
}

const hostTexts = ['PidMode', 'NetworkMode', 'UsernsMode', 'IpcMode', 'UTSMode', 'CgroupnsMode'] as const
const hostLists = ['SecurityOpt', 'CapAdd', 'CapDrop', 'GroupAdd', 'Binds', 'VolumesFrom'] as const

function readHostConfig(value: unknown): Inspected['HostConfig'] {
  const config = readRecord(value)
  return {
    ...config,
    Privileged: config['Privileged'] === true,
    ReadonlyRootfs: config['ReadonlyRootfs'] === true,
    ...Object.fromEntries(hostTexts.map((key) => [key, readText(config[key])])),
    ...Object.fromEntries(hostLists.map((key) => [key, readTexts(config[key])])),
  }
}

function readConfig(value: unknown): Inspected['Config'] {
  const config = readRecord(value)
  return {
    ...(config as unknown as Inspected['Config']),
    User: readText(config['User']),
    Image: readText(config['Image']),
    WorkingDir: readText(config['WorkingDir']),
    Env: readTexts(config['Env']),
    Cmd: readTexts(config['Cmd']),
    Labels: readTextRecord(config['Labels']),
  }
}

/**
 * Throws `backend_unavailable` when the engine left out what decides as whom, and beside what, a debug container would run: a setting that is not
 * known may be any.
 */
export function requireTold({ Name, untold }: Inspected, environment: string): void {
  if (untold.length === 0) return
  throw new HatchwayError(
    'backend_unavailable',
    `The engine of ${environment} does not say how the container ${Name.replace(/^\//, '')} is set up: its answer has no ${untold.join(', no ')}. Nothing is started beside it.`,
  )
}
