import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Docker from 'dockerode'
import { ensureImages, imageRef } from './images.ts'

const run = promisify(execFile)
const newestScript = fileURLToPath(new URL('../engines/newest-engine.sh', import.meta.url))

/** One Docker engine that tests may use. */
export interface TestEngine {
  /** `oldest` is the machine's own, `newest` the one that test/engines/newest-engine.sh starts. */
  name: string
  socket: string
  docker: Docker
  /** The path of the engine's network namespace when it isn't the machine's. */
  networkNamespace?: string
}

/** Where the machine's own engine listens. */
export const defaultSocket = process.env['HATCHWAY_TEST_SOCKET'] ?? '/var/run/docker.sock'

/**
 * The engines to run on: both, or what HATCHWAY_TEST_ENGINES names, which test/run.ts sets to what the machine has.
 * Starts the newest when it doesn't run. Throws when an engine doesn't answer: a missing backend is never skipped here.
 */
export async function testEngines(): Promise<TestEngine[]> {
  const names = (process.env['HATCHWAY_TEST_ENGINES'] ?? 'oldest,newest').split(',').filter(Boolean)
  return Promise.all(names.map((name) => testEngine(name)))
}

/**
 * The engines that can start privileged containers, or what HATCHWAY_TEST_PRIVILEGED_ENGINES names: engines before 23
 * fail on a machine that itself lacks a capability, and test/run.ts says so.
 */
export async function privilegedEngines(): Promise<TestEngine[]> {
  const names = process.env['HATCHWAY_TEST_PRIVILEGED_ENGINES']?.split(',')
  return (await testEngines()).filter((engine) => names?.includes(engine.name) ?? true)
}

/** The machine's own engine. */
export function defaultEngine(): Promise<TestEngine> {
  return testEngine('oldest')
}

/** Why this engine can't start privileged containers, in its own words; undefined when it can. */
export async function refusesPrivileged({ docker }: TestEngine): Promise<string | undefined> {
  await ensureImages(docker, 'toolbox')
  const container = await docker.createContainer({
    Image: imageRef('toolbox'),
    Cmd: ['/bin/true'],
    HostConfig: { Privileged: true, NetworkMode: 'none' },
  })
  try {
    await container.start()
    return undefined
  } catch (cause) {
    return (cause as { json?: { message?: string } }).json?.message ?? String(cause)
  } finally {
    await container.remove({ force: true })
  }
}

async function testEngine(name: string): Promise<TestEngine> {
  if (name === 'newest') return startOwnEngine('newest')
  if (name !== 'oldest') throw new Error(`HATCHWAY_TEST_ENGINES knows oldest and newest, not ${name}`)
  const docker = new Docker({ socketPath: defaultSocket })
  await docker.ping()
  return { name, socket: defaultSocket, docker }
}

/** An engine process that a test owns, so that it may end and start it again. */
export interface OwnEngineOptions {
  binaries?: 'newest' | 'system'
  /** More options for dockerd, such as `--live-restore`. */
  args?: readonly string[]
}

/** Starts an engine beside the machine's, or finds it running. `instance` names its data and its socket. */
export async function startOwnEngine(instance: string, options: OwnEngineOptions = {}): Promise<TestEngine> {
  await script(['start', instance, ...(options.args ?? [])], options)
  const socket = (await script(['socket', instance], options)).trim()
  const networkNamespace = (await script(['netns', instance], options)).trim()
  return { name: instance, socket, networkNamespace, docker: new Docker({ socketPath: socket }) }
}

/** Whether it runs already, so that whoever finds it so can leave it so. */
export async function isOwnEngineRunning(instance: string): Promise<boolean> {
  return script(['pid', instance], {}).then(
    () => true,
    () => false,
  )
}

/** Ends it with TERM and waits; containers live on when it was started with `--live-restore`. */
export async function stopOwnEngine(instance: string): Promise<void> {
  await script(['stop', instance], {})
}

async function script(args: readonly string[], options: OwnEngineOptions): Promise<string> {
  const env = { ...process.env, HATCHWAY_ENGINE_BINARIES: options.binaries ?? 'newest' }
  // The deadline covers a download on a slow link.
  const { stdout } = await run(newestScript, [...args], { env, timeout: 300_000 })
  return stdout
}
