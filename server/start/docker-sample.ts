import { access, readFile } from 'node:fs/promises'
import { constants } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError } from '../core/errors.ts'
import { formatTargetRef } from '../core/target-ref.ts'
import type { DockerClient } from '../drivers/docker/client.ts'
import { dockerStatus } from '../drivers/docker/errors.ts'
import { importImage } from '../drivers/docker/images.ts'
import { inspectContainer } from '../drivers/docker/facts.ts'
import { readRecord, readText } from '../drivers/shared/read-json.ts'

/** The container's name. */
export const sampleName = 'hatchway-sample'
const image = 'hatchway-sample:1'
const page = `<!doctype html>
<title>Hatchway sample</title>
<p>This server is one static file, without a shell. You have reached it from inside its own network.</p>
`

/** True when a sample can be built: it takes a static busybox on the gateway's host. */
export async function sampleAvailable(busybox: string | undefined): Promise<boolean> {
  if (busybox === undefined) return false
  return await access(busybox, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/**
 * Runs a container without a shell to try Hatchway on: a static web server on port 8080, user 65532, nothing else.
 * Resolves with its target reference. Idempotent: one that is there is started and kept.
 * Throws `image_unavailable` and `start_failed`.
 */
export async function startSample(
  client: DockerClient,
  busybox: string,
  signal: AbortSignal,
): Promise<string> {
  await makeImage(client, busybox, signal)
  const id = (await existing(client, signal)) ?? (await create(client, signal))
  await client.send({ method: 'POST', path: `/containers/${id}/start`, doing: 'start the sample', signal })
  return formatTargetRef({ kind: 'docker', environment: client.environment, container: sampleName })
}

async function makeImage(client: DockerClient, busybox: string, signal: AbortSignal): Promise<void> {
  const call = { method: 'GET', path: `/images/${image}/json`, doing: 'look for the sample', signal } as const
  const found = await client.json(call).then(
    () => true,
    (cause: unknown) => {
      if (dockerStatus(cause) === 404) return false
      throw cause
    },
  )
  if (found) return
  // busybox decides by its own name what it is: called httpd, it is a web server and nothing else.
  const files = [
    { path: '/httpd', mode: 0o755, content: await readFile(busybox) },
    { path: '/www', directory: true },
    { path: '/www/index.html', content: page },
  ] as const
  const config = {
    User: '65532:65532',
    Entrypoint: ['/httpd'],
    Cmd: ['-f', '-p', '8080', '-h', '/www'],
    ExposedPorts: ['8080/tcp'],
  }
  await importImage(client, { name: image, files, config }, signal)
}

async function existing(client: DockerClient, signal: AbortSignal): Promise<string | undefined> {
  try {
    const info = await inspectContainer(client, sampleName, signal)
    if (info.Config.Labels['hatchway.sample'] === undefined) {
      throw new HatchwayError(
        'start_failed',
        `A container that is not Hatchway's has the name ${sampleName}: rename it first.`,
      )
    }
    return info.Id
  } catch (cause) {
    if (dockerStatus(cause) === 404) return undefined
    throw cause
  }
}

async function create(client: DockerClient, signal: AbortSignal): Promise<string> {
  const body = {
    Image: image,
    Labels: { 'hatchway.sample': '1' },
    HostConfig: {
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Memory: 64 * 1024 * 1024,
      PidsLimit: 50,
    },
  }
  const call = {
    method: 'POST',
    path: '/containers/create',
    query: { name: sampleName },
    body,
    doing: 'create the sample',
  } as const
  try {
    return readText(readRecord(await client.json({ ...call, signal }))['Id']) || sampleName
  } catch (cause) {
    // Somebody else was faster; the engine gives the name away before it shows the container.
    let other: string | undefined
    for (let attempt = 0; dockerStatus(cause) === 409 && other === undefined && attempt < 30; attempt += 1) {
      other = await existing(client, signal)
      if (other === undefined) await delay(100, undefined, { signal }).catch(() => {})
    }
    if (other === undefined) throw cause
    return other
  }
}
