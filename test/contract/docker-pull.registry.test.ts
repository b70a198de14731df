import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Toolbox } from '../../server/core/debug-container.ts'
import type { StartProgress } from '../../server/core/driver.ts'
import { DockerUser } from '../support/docker-user.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import type { ImageDefinition } from '../support/image-archive.ts'
import { images } from '../support/images.ts'
import { freePort } from '../support/free-port.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { startSlowProxy, type SlowProxy } from '../support/slow-proxy.ts'
import { within } from '../support/within.ts'
import { deadline } from './driver-ground.ts'

const megabyte = 1024 * 1024
const credentials = { username: 'puller', password: 'p:ass word' }

/** A toolbox that no engine has seen: its bytes are new each time, and random ones don't compress. */
function newToolbox(): ImageDefinition {
  return {
    ...images.toolbox,
    files: { ...images.toolbox.files, '/junk': { bytes: randomBytes(6 * megabyte) } },
  }
}

/** Images that have to come from a registry: a good one, a guarded one, a slow one, a broken one, none. */
describe('pulling on Docker', () => {
  let user: DockerUser
  let open: TestRegistry
  let guarded: TestRegistry
  const proxies: SlowProxy[] = []
  const pulled = new Set<string>()

  before(async () => {
    user = await DockerUser.on(await defaultEngine())
    ;[open, guarded] = await Promise.all([startRegistry(), startRegistry(credentials)])
  })
  afterEach(async () => {
    await user.stopAll()
    for (const proxy of proxies.splice(0)) await proxy.close()
    for (const ref of pulled)
      await user.docker
        .getImage(ref)
        .remove({ force: true })
        .catch(() => {})
    pulled.clear()
  })
  after(async () => {
    await user.close()
    await open.close()
    await guarded.close()
  })

  const toolbox = (image: string, registryAuth?: Toolbox['registryAuth']): Toolbox => {
    pulled.add(image)
    return { name: 'pulled', image, shell: ['/bin/sh'], ...(registryAuth && { registryAuth }) }
  }
  const behind = async (ref: string, options: Omit<Parameters<typeof startSlowProxy>[0], 'to'>) => {
    const proxy = await startSlowProxy({ to: open.port, ...options })
    proxies.push(proxy)
    return { proxy, image: ref.replace(String(open.port), String(proxy.port)) }
  }
  const failsToOpen = async (box: Toolbox, message: RegExp, code = /^image_unavailable$/) => {
    const spec = user.spec({ toolbox: box })
    await assert.rejects(
      user.access.open(spec, user.web, () => {}, deadline()),
      (cause: Error & { code?: string }) => {
        assert.match(cause.code ?? '', code, cause.message)
        assert.match(cause.message, message)
        assert.match(cause.message, new RegExp(box.image), 'names the image')
        assert.doesNotMatch(cause.message, /p:ass word/)
        return true
      },
    )
    assert.deepEqual(await user.ground.remains(spec.sessionId), [])
  }

  it('pulls an absent image, tells how far it is, and opens', async () => {
    const ref = await open.publish(user.docker, 'plain', newToolbox())
    const { image } = await behind(ref, { bytesPerSecond: 8 * megabyte })
    const seen: StartProgress[] = []
    const { shell, imageId } = await user.open({
      toolbox: toolbox(image),
      onProgress: (each) => seen.push(each),
    })
    await shell.ready()
    assert.match(await imageId, /sha256:/)
    const pulls = seen.filter((each) => each.phase === 'pulling').flatMap(({ pull }) => pull ?? [])
    const bytes = pulls.map((pull) => pull.currentBytes)
    assert.ok(new Set(bytes).size > 3, `progress in steps: ${[...new Set(bytes)].join(' ')}`)
    assert.deepEqual(
      bytes,
      bytes.toSorted((left, right) => left - right),
      'progress never goes back',
    )
    assert.ok(pulls.every((pull) => pull.currentBytes <= pull.totalBytes && pull.image === image))
    assert.ok(Math.max(...pulls.map((pull) => pull.totalBytes)) > 6 * megabyte)
  })

  it('does not pull what is there', async () => {
    const ref = await open.publish(user.docker, 'there', newToolbox())
    const { proxy, image } = await behind(ref, {})
    await user.open({ toolbox: toolbox(image) })
    await proxy.close()
    proxies.pop()
    const phases: string[] = []
    await user.open({ toolbox: toolbox(image), onProgress: ({ phase }) => phases.push(phase) })
    assert.ok(!phases.includes('pulling'))
  })

  it('pulls once for two who open at the same time', async () => {
    const ref = await open.publish(user.docker, 'twice', newToolbox())
    const { image } = await behind(ref, { bytesPerSecond: 8 * megabyte })
    const both = await Promise.all([1, 2].map(() => user.open({ toolbox: toolbox(image) })))
    for (const { shell } of both) await shell.ready()
    assert.equal(await both[0]?.imageId, await both[1]?.imageId)
  })

  it('pulls on for one when the other gives up', async () => {
    const ref = await open.publish(user.docker, 'half', newToolbox())
    const { image } = await behind(ref, { bytesPerSecond: 2 * megabyte })
    const controller = new AbortController()
    const onProgress = ({ pull }: StartProgress) => {
      if (pull && pull.currentBytes > megabyte) controller.abort()
    }
    const given = user.open({ toolbox: toolbox(image), signal: controller.signal, onProgress })
    const kept = user.open({ toolbox: toolbox(image) })
    await assert.rejects(given, { code: 'cancelled' })
    await (await kept).shell.ready()
  })

  it('pulls from a registry that asks for a password', async () => {
    const image = await guarded.publish(user.docker, 'guarded', newToolbox())
    const { shell } = await user.open({ toolbox: toolbox(image, credentials) })
    await shell.ready()
  })

  it('says that a password is asked for, or wrong', async () => {
    const image = await guarded.publish(user.docker, 'secret', newToolbox())
    await failsToOpen(toolbox(image), /credential|auth|sign|password/i)
    await failsToOpen(toolbox(image, { ...credentials, password: 'wrong' }), /credential|auth|sign|password/i)
  })

  it('lets go of a slow pull at once', async () => {
    const ref = await open.publish(user.docker, 'slow', newToolbox())
    // All of it would take minutes.
    const { proxy, image } = await behind(ref, { bytesPerSecond: megabyte / 16 })
    const controller = new AbortController()
    const spec = user.spec({ toolbox: toolbox(image) })
    const { promise: underWay, resolve } = Promise.withResolvers<void>()
    const onProgress = ({ pull }: StartProgress) => {
      if (pull && pull.currentBytes > 0) resolve()
    }
    const opening = user.access.open(spec, user.web, onProgress, controller.signal)
    opening.catch(() => {})
    await within(underWay, 'a progress of the pull', 20_000)
    controller.abort()
    await assert.rejects(within(opening, 'the pull to be let go of', 5_000), { code: 'cancelled' })
    assert.deepEqual(await user.ground.remains(spec.sessionId), [])
    await eventually(() => proxy.openCount === 0, { what: 'the engine to stop pulling' })
  })

  it('survives a connection that is cut once', async () => {
    const ref = await open.publish(user.docker, 'cut', newToolbox())
    const { proxy, image } = await behind(ref, { cutAfterBytes: megabyte, cuts: 1 })
    const { shell } = await user.open({ toolbox: toolbox(image), signal: deadline(60_000) })
    await shell.ready()
    assert.equal(proxy.cutCount, 1)
  })

  it('reports an error that comes within a good answer: a layer that is not what it should be', async () => {
    const ref = await open.publish(user.docker, 'damaged', newToolbox())
    await damageLargestBlob(open.blobs)
    await failsToOpen(toolbox(ref), /verif|digest|checksum|gzip|invalid|unexpected/i)
  })

  it('reports a tag, a repository and a manifest that are not there', async () => {
    await failsToOpen(toolbox(`127.0.0.1:${open.port}/plain:no-such-tag`), /not found|unknown|no such/i)
    await failsToOpen(toolbox(`127.0.0.1:${open.port}/nothing:1`), /not found|unknown|no such/i)
    await failsToOpen(
      toolbox(`127.0.0.1:${open.port}/plain@sha256:${'0'.repeat(64)}`),
      /not found|unknown|no such/i,
    )
  })

  it('reports a registry that does not answer', async () => {
    await failsToOpen(toolbox(`127.0.0.1:${await freePort()}/tools:1`), /refused|reach|connect/i)
  })

  it('reports a name that is no image', async () => {
    await failsToOpen(toolbox('Not/An:Image:Name'), /invalid|reference|name/i)
  })

  it('refuses an image for another architecture, and says which', async () => {
    const definition = { ...newToolbox(), architecture: 'arm64' as const }
    const image = await open.publish(user.docker, 'foreign', definition)
    await failsToOpen(toolbox(image), /arm64|platform/, /^(image_unavailable|start_failed)$/)
  })

  it('answers an abort before the registry has said a word', async () => {
    const ref = await open.publish(user.docker, 'mute', newToolbox())
    const { image } = await behind(ref, { bytesPerSecond: 1 })
    const opening = user.access.open(
      user.spec({ toolbox: toolbox(image) }),
      user.web,
      () => {},
      AbortSignal.timeout(300),
    )
    await assert.rejects(within(opening, 'the abort', 3000), { code: 'cancelled' })
  })
})

async function damageLargestBlob(directory: string): Promise<void> {
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  )
  const paths = files.map((entry) => join(entry.parentPath, entry.name))
  const sized = await Promise.all(paths.map(async (path) => ({ path, stats: await stat(path) })))
  // The newest large one is the layer that was just pushed.
  const [layer] = sized
    .filter(({ stats }) => stats.size > megabyte)
    .toSorted((left, right) => right.stats.mtimeMs - left.stats.mtimeMs)
  if (layer === undefined) throw new Error('The registry holds no layer')
  await writeFile(layer.path, randomBytes(layer.stats.size))
}
