import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type Docker from 'dockerode'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import type { ImageDefinition } from './image-archive.ts'
import { loadImage } from './images.ts'
import { within } from './within.ts'

const run = promisify(execFile)

export interface Credentials {
  username: string
  password: string
}

/** A registry of our own on loopback, which dockerd trusts without TLS. */
export interface TestRegistry {
  port: number
  /** Where its blobs are, for tests that damage one. */
  blobs: string
  /**
   * Builds an image, pushes it as `<name>:1` and takes it off the engine again, so that a later pull is a real one.
   * Gives the reference under this registry.
   */
  publish(docker: Docker, name: string, definition: ImageDefinition): Promise<string>
  close(): Promise<void>
}

/** Runs Debian's docker-registry on a free port; with `credentials`, nobody else may read or write. */
export async function startRegistry(credentials?: Credentials): Promise<TestRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-registry-'))
  const port = await freePort()
  const config = await writeConfig(directory, port, credentials)
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  const exited = once(child, 'exit')
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`docker-registry ended: ${said.join('')}`)
      return [200, 401].includes((await fetch(`http://127.0.0.1:${port}/v2/`)).status)
    },
    { what: 'docker-registry to answer' },
  )
  return {
    port,
    blobs: join(directory, 'data/docker/registry/v2/blobs/sha256'),
    publish: (docker, name, definition) =>
      publish(docker, `127.0.0.1:${port}/${name}`, definition, credentials),
    async close() {
      child.kill()
      await within(exited, 'docker-registry to end')
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function writeConfig(directory: string, port: number, credentials?: Credentials): Promise<string> {
  const config: Record<string, unknown> = {
    version: '0.1',
    log: { level: 'warn' },
    storage: {
      filesystem: { rootdirectory: join(directory, 'data') },
      cache: { blobdescriptor: 'inmemory' },
    },
    http: { addr: `127.0.0.1:${port}` },
  }
  if (credentials) {
    const path = join(directory, 'htpasswd')
    const { stdout } = await run('htpasswd', ['-nbB', credentials.username, credentials.password])
    await writeFile(path, stdout)
    config['auth'] = { htpasswd: { realm: 'test', path } }
  }
  const file = join(directory, 'config.json')
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config))
  return file
}

async function publish(
  docker: Docker,
  repository: string,
  definition: ImageDefinition,
  credentials?: Credentials,
): Promise<string> {
  const ref = `${repository}:1`
  await loadImage(docker, ref, definition)
  // Without any credentials the engine asks for the header that carries them.
  const authconfig = { username: '', password: '', ...credentials, serveraddress: '' }
  const reply = await docker.getImage(ref).push({ authconfig })
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(reply, (error) => (error ? reject(error) : resolve()))
  })
  await docker.getImage(ref).remove({ force: true })
  return ref
}
