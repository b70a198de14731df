import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { basename, delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import Docker from 'dockerode'
import { isClusterRunning, testCluster } from './cluster.ts'
import { defaultSocket, startOwnEngine } from './engine.ts'
import { helm } from './helm.ts'
import { onSmallDisk } from './small-disk.ts'

const run = promisify(execFile)

/** A thing outside this checkout that some tests need. */
export interface Backend {
  name: string
  what: string
  /** What was found, in a few words. Throws an Error that says what is missing and what to do. */
  find(): Promise<string>
}

/** Everything that any test needs beyond Node, by the name that HATCHWAY_TEST_BACKENDS and file names use. */
export const backends: readonly Backend[] = [
  { name: 'docker', what: "the machine's Docker engine", find: findDocker },
  { name: 'newest', what: 'a second, newest Docker engine', find: findNewest },
  { name: 'cluster', what: 'a Kubernetes cluster', find: findCluster },
  { name: 'helm', what: 'Helm, built from its Go module', find: findHelm },
  { name: 'registry', what: 'an image registry on loopback', find: findRegistry },
  { name: 'browser', what: 'Chromium', find: findChromium },
  { name: 'mounts', what: 'a small disk in a namespace of its own', find: findMounts },
  { name: 'asciinema', what: 'the asciinema command line', find: () => onPath('asciinema', 'asciinema') },
]

async function findDocker(): Promise<string> {
  await needBusybox()
  try {
    const { Version } = await new Docker({ socketPath: defaultSocket, timeout: 10_000 }).version()
    return `${Version} at ${defaultSocket}`
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${defaultSocket} does not answer (${why}): run test/engines/default-engine.sh`, {
      cause,
    })
  }
}

async function findNewest(): Promise<string> {
  if (process.getuid?.() !== 0) throw new Error('starting a second engine needs root')
  for (const tool of ['ip', 'nsenter', 'curl', 'dpkg', 'apt-get']) await onPath(tool, tool)
  try {
    const { docker, socket } = await startOwnEngine('newest')
    return `${(await docker.version()).Version} at ${socket}`
  } catch (cause) {
    throw new Error(`${lastWords(cause)}: see test/engines/newest-engine.sh`, { cause })
  }
}

/** What a script said last, or the error's own words. */
function lastWords(cause: unknown): string {
  return (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(cause)
}

async function needBusybox(): Promise<void> {
  await access('/bin/busybox').catch(() => {
    throw new Error('the test images are built from /bin/busybox: install the package busybox-static')
  })
}

async function findCluster(): Promise<string> {
  await needBusybox()
  const isChosen = (process.env['HATCHWAY_TEST_KUBECONFIG'] ?? '') !== ''
  if (!isChosen && !(await isClusterRunning())) {
    if (process.getuid?.() !== 0) throw new Error('starting a cluster needs root')
    const tools = { ip: 'iproute2', nsenter: 'util-linux', curl: 'curl', openssl: 'openssl', runc: 'runc' }
    for (const [tool, from] of Object.entries(tools)) await onPath(tool, from)
  }
  try {
    const { api, kubeconfig } = await testCluster()
    const { gitVersion } = await api.get<{ gitVersion: string }>('/version')
    api.close()
    return `${gitVersion} of ${kubeconfig}`
  } catch (cause) {
    throw new Error(`${lastWords(cause)}: see test/cluster/cluster.sh`, { cause })
  }
}

async function findHelm(): Promise<string> {
  try {
    return await helm('version', '--short')
  } catch (cause) {
    throw new Error(`${lastWords(cause)}: see test/deploy/helm.sh`, { cause })
  }
}

async function findRegistry(): Promise<string> {
  await onPath('htpasswd', 'apache2-utils')
  return onPath('docker-registry', 'docker-registry')
}

async function findMounts(): Promise<string> {
  await onSmallDisk('stat', '-f').catch((cause: unknown) => {
    throw new Error(
      'no disk can be mounted in a namespace of its own: this takes root, or user namespaces that may mount',
      { cause },
    )
  })
  return 'tmpfs'
}

/** The one without a frame of its own where there is one: it starts in half the time, and draws pages with the same code. */
export async function chromiumPath(): Promise<string> {
  const named = process.env['HATCHWAY_TEST_CHROMIUM']
  if (named !== undefined) return named
  const shell = onPath('chromium-headless-shell', 'chromium-headless-shell')
  return await shell.catch(() => onPath('chromium', 'chromium'))
}

async function findChromium(): Promise<string> {
  const { stdout } = await run(await chromiumPath(), ['--version'], { timeout: 30_000 })
  return stdout.trim()
}

async function onPath(program: string, debianPackage: string): Promise<string> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, program)
    const found = await access(path).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  throw new Error(`there is no ${program} on the PATH: install the package ${debianPackage}`)
}

/**
 * The backends that a test file needs, from its path alone, so that a file can be left out without loading it.
 * The parts between the first dot and `.test.ts` name backends (`driver.docker.test.ts`, `docker-pull.registry.test.ts`);
 * a name that starts with `docker-` and everything in test/e2e need the engine, one that starts with `kubernetes-` needs
 * the cluster, except in test/unit, where nothing is needed. The part `alone` is none, see {@link isAlone}. Throws for any other.
 */
export function neededBackends(file: string): string[] {
  const [first = '', ...parts] = basename(file, '.test.ts').split('.')
  const needed = new Set(parts.filter((part) => part !== alone))
  if (!file.includes('test/unit/')) {
    if (first.startsWith('docker-') || file.includes('test/e2e/')) needed.add('docker')
    if (first.startsWith('kubernetes-')) needed.add('cluster')
  }
  for (const name of needed) {
    if (!backends.some((backend) => backend.name === name)) {
      const known = backends.map((backend) => backend.name).join(', ')
      throw new Error(`${file} is named for a backend ${name}; there are ${known}`)
    }
  }
  return [...needed]
}

const alone = 'alone'

/**
 * Whether a file has its engine or its cluster to itself (`restarts.cluster.alone.test.ts`), because it would disturb others
 * there, or they it.
 */
export function isAlone(file: string): boolean {
  return basename(file, '.test.ts').split('.').slice(1).includes(alone)
}
